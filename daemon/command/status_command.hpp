#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// How an instrument is doing: once, each second (--watch), or as monitoring wants it (--check:
/// exit 0 recording, 1 degraded, 2 not recording). Returns an ExitStatus.
[[nodiscard]] int status_command(const CommandLine& line);

}  // namespace framelog
