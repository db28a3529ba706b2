#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// Finishes what dead processes have left (design page service.md). Returns an ExitStatus.
[[nodiscard]] int recover_command(const CommandLine& line);

}  // namespace framelog
