#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// What a configuration means: check, show, names, drivers, reference (design page service.md).
/// Returns an ExitStatus.
[[nodiscard]] int config_command(const CommandLine& line);

}  // namespace framelog
