#pragma once

#include "command/command_line.hpp"

namespace framelog {

// What a running instrument is asked to do (design page service.md). Each returns an ExitStatus.
[[nodiscard]] int start_command(const CommandLine& line);
[[nodiscard]] int stop_command(const CommandLine& line);
[[nodiscard]] int trigger_command(const CommandLine& line);
[[nodiscard]] int roll_command(const CommandLine& line);
[[nodiscard]] int mark_command(const CommandLine& line);
[[nodiscard]] int set_command(const CommandLine& line);
[[nodiscard]] int metrics_command(const CommandLine& line);
/// `framelog config reload`.
[[nodiscard]] int reload_command(const CommandLine& line);
/// Prints what happens, one event a line, until it is interrupted.
[[nodiscard]] int events_command(const CommandLine& line);

}  // namespace framelog
