#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// Whether segments hold every frame as it was recorded (design page service.md). Returns an
/// ExitStatus.
[[nodiscard]] int verify_command(const CommandLine& line);

}  // namespace framelog
