#pragma once

#include <cstdint>
#include <string_view>

namespace framelog {

enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };

/// What is below `level` is not written. Threads: any.
void set_log_level(LogLevel level) noexcept;

/// One line on standard error, whole even when several threads log. Loops and services log;
/// drivers, ring, kernels and formats return errors. Threads: any.
void log(LogLevel level, std::string_view text);

/// While a status line stands at the bottom of a terminal, log() clears it first.
void set_status_line_shown(bool shown) noexcept;

}  // namespace framelog
