#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// framelog devices [DRIVER]: the instruments that are connected now, each with the lines of
/// [source] that open it.
int devices_command(const CommandLine& line);

}  // namespace framelog
