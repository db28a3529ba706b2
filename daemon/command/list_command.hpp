#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// Segments below a directory, one a line (design page service.md). Returns an ExitStatus.
[[nodiscard]] int list_command(const CommandLine& line);
/// The same over the catalog of the instrument that -i or --config choose.
[[nodiscard]] int list_catalog(const CommandLine& line);

}  // namespace framelog
