#pragma once

#include <cstdint>
#include <string_view>

namespace framelog {

struct Event;

enum class LogLevel : std::uint8_t { kError, kWarning, kInfo, kDebug };

/// What is below `level` is not written. Threads: any.
void set_log_level(LogLevel level) noexcept;

/// One line on standard error, whole even when several threads log. Loops and services log;
/// drivers, ring, kernels and formats return errors. Threads: any.
void log(LogLevel level, std::string_view text);

/// Where lines go: standard error, or the journal when a service has set its own sink. `event` is
/// null for a plain line. Called on the thread that logs, several at a time.
using LogSink = void (*)(LogLevel level, std::string_view text, const Event* event);
/// Null: standard error. Threads: main, before the others start.
void set_log_sink(LogSink sink) noexcept;
/// The line of an event, with what belongs to it. Threads: any.
void log_event(const Event& event);

/// While a status line stands at the bottom of a terminal, log() clears it first.
void set_status_line_shown(bool shown) noexcept;

}  // namespace framelog
