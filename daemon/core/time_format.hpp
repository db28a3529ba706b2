#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace framelog {

/// What a time format is good for, found without rendering it.
struct TimeFormatFacts {
  std::size_t most_bytes{};  ///< Of what it renders.
  unsigned parts{};          ///< Bits of the parts of date and time that it shows.
};

/// Whether formats that together show `parts` (joined with |) tell one second from every other.
[[nodiscard]] bool tells_the_second(unsigned parts) noexcept;

/// Why a format is refused, and where.
struct TimeFormatFault {
  std::size_t offset{};
  std::string message;
};

/// strftime(3)'s %Y %y %m %b %B %d %j %a %A %u %H %I %p %M %S %F %T %R %s %z %Z %%, and %f for
/// microseconds. Others are refused: they depend on the locale or put a slash into a name (%D).
[[nodiscard]] std::expected<TimeFormatFacts, TimeFormatFault> check_time_format(
    std::string_view format);

/// `format` has passed check_time_format().
[[nodiscard]] std::string format_time(std::string_view format, std::int64_t utc_ns, bool local);

}  // namespace framelog
