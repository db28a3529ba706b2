#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// Writes the latest frame of a running instrument to a file of its own (design page service.md).
/// Returns an ExitStatus.
[[nodiscard]] int grab_command(const CommandLine& line);

}  // namespace framelog
