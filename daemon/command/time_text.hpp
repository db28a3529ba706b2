#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace framelog {

/// A point in time as people write it, in nanoseconds since 1970 (UTC): "2026-11-21",
/// "2026-11-21 16:00", "2026-11-21T16:00:30" in local time, with a Z behind it in UTC; "now",
/// "today" and "yesterday" (when they began); "2 h ago", "1 h 30 min ago", "3 d ago". The error
/// says what is allowed.
[[nodiscard]] std::expected<std::int64_t, std::string> parse_time(std::string_view text,
                                                                  std::int64_t now_ns);

/// The same point in time for whoever reads it later and elsewhere: ISO 8601 in UTC, to the
/// nanosecond. What is before 1970 becomes 1970.
[[nodiscard]] std::string lasting_time(std::int64_t utc_ns);

}  // namespace framelog
