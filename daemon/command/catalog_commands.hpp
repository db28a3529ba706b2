#pragma once

#include "command/command_line.hpp"

namespace framelog {

/// `framelog pin|unpin|ack FILE...`: through the instrument where it runs, else in its catalog.
/// Each returns an ExitStatus.
[[nodiscard]] int pin_command(const CommandLine& line);
[[nodiscard]] int unpin_command(const CommandLine& line);
[[nodiscard]] int ack_command(const CommandLine& line);

/// `framelog catalog rebuild|check`.
[[nodiscard]] int catalog_command(const CommandLine& line);

}  // namespace framelog
