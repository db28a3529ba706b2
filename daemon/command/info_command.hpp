#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// What one segment is, at a glance (design page service.md). Returns an ExitStatus.
[[nodiscard]] int info_command(const CommandLine& line);

}  // namespace framelog
