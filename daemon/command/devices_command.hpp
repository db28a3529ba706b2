#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// framelog devices [DRIVER | gpio]: the instruments that are connected now, each with the lines of
/// [source] that open it, and the GPIO lines of the board.
int devices_command(const CommandLine& line);

}  // namespace framelog
