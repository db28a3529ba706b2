#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/event.hpp"
#include "core/log.hpp"

namespace framelog {

/// Whether standard error leads to the journal: JOURNAL_STREAM names it.
[[nodiscard]] bool is_stderr_the_journal() noexcept;

/// Has log() write to the journal from now on, with fields that can be searched for; the same text
/// at most 20 times in 30 s (LogLimit). What the journal does not take goes to standard error.
/// Threads: main, before the others start.
void log_to_journal(std::string instrument);

/// The fields of one entry, each "NAME=value": MESSAGE, PRIORITY, SYSLOG_IDENTIFIER,
/// FRAMELOG_INSTRUMENT, and of an event FRAMELOG_EVENT, MESSAGE_ID and its own fields as
/// FRAMELOG_<FIELD>. `event` may be null. Threads: any.
[[nodiscard]] std::vector<std::string> journal_fields(LogLevel level, std::string_view text,
                                                      const Event* event,
                                                      std::string_view instrument);

}  // namespace framelog
