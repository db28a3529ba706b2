#include "command/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>

#include "core/clock.hpp"
#include "core/quantity.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::string_view kAgo = "ago";

std::optional<std::int64_t> ns_of(std::tm parts, bool utc) {
  const std::tm asked = parts;
  parts.tm_isdst = -1;
  const std::time_t seconds = utc ? ::timegm(&parts) : ::mktime(&parts);
  // The 31st of November would become the 1st of December.
  const bool is_real = parts.tm_mday == asked.tm_mday && parts.tm_mon == asked.tm_mon &&
                       parts.tm_year == asked.tm_year;
  return is_real ? std::optional(std::int64_t{seconds} * kSecond) : std::nullopt;
}

/// Takes a number of so many digits, and the separator in front of it.
bool take(std::string_view& rest, std::string_view separators, std::size_t digits, int most,
          int& value) {
  if (!separators.empty()) {
    if (rest.empty() || !separators.contains(rest.front())) return false;
    rest.remove_prefix(1);
  }
  if (rest.size() < digits) return false;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + digits, value);
  if (error != std::errc() || end != rest.data() + digits || value < 0 || value > most) {
    return false;
  }
  rest.remove_prefix(digits);
  return true;
}

std::optional<std::int64_t> date_of(std::string_view rest) {
  std::tm parts{};
  constexpr int kLastYear = 2261;  // That nanoseconds in 64 bits reach.
  if (!take(rest, "", 4, kLastYear, parts.tm_year) || parts.tm_year < 1970) return std::nullopt;
  if (!take(rest, "-", 2, 12, parts.tm_mon) || parts.tm_mon == 0) return std::nullopt;
  if (!take(rest, "-", 2, 31, parts.tm_mday) || parts.tm_mday == 0) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  std::int64_t fraction = 0;
  if (!rest.empty() && rest != "Z") {
    if (!take(rest, "T ", 2, 23, parts.tm_hour) || !take(rest, ":", 2, 59, parts.tm_min)) {
      return std::nullopt;
    }
    if (rest.starts_with(':') && !take(rest, ":", 2, 60, parts.tm_sec)) return std::nullopt;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      for (std::int64_t unit = kSecond / 10; !rest.empty() && is_digit(rest.front()); unit /= 10) {
        fraction += (rest.front() - '0') * unit;
        rest.remove_prefix(1);
      }
    }
  }
  const bool utc = rest == "Z";
  if (!rest.empty() && !utc) return std::nullopt;
  const auto whole = ns_of(parts, utc);
  return whole ? std::optional(*whole + fraction) : std::nullopt;
}

std::int64_t midnight(std::int64_t now_ns, int days_before) {
  const std::time_t now = now_ns / kSecond;
  std::tm parts{};
  ::localtime_r(&now, &parts);
  parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
  parts.tm_mday -= days_before;
  parts.tm_isdst = -1;
  return std::int64_t{::mktime(&parts)} * kSecond;
}

/// "1 h 30 min", "3 d"
std::optional<std::int64_t> duration_of(std::string_view rest) {
  std::int64_t sum = 0;
  while (!rest.empty()) {
    const auto quantity = take_quantity(rest, duration_units());
    if (!quantity) return std::nullopt;
    const auto amount = scaled(quantity->number, quantity->unit.factor);
    if (!amount || __builtin_add_overflow(sum, *amount, &sum)) return std::nullopt;
  }
  return sum;
}

}  // namespace

std::expected<std::int64_t, std::string> parse_time(std::string_view text, std::int64_t now_ns) {
  const std::string_view trimmed = trim(text);
  if (trimmed == "now") return now_ns;
  if (trimmed == "today") return midnight(now_ns, 0);
  if (trimmed == "yesterday") return midnight(now_ns, 1);
  std::optional<std::int64_t> time;
  if (trimmed.ends_with(kAgo)) {
    const std::string_view before = trim(trimmed.substr(0, trimmed.size() - kAgo.size()));
    if (const auto ago = duration_of(before); ago && !before.empty()) time = now_ns - *ago;
  } else {
    time = date_of(trimmed);
  }
  if (time) return *time;
  return std::unexpected(
      fmt::format("{} is no time (allowed: 2026-11-21, \"2026-11-21 16:00\", "
                  "2026-11-21T16:00:30Z for UTC, now, today, yesterday, \"2 h ago\", \"3 d ago\")",
                  in_quotes(text)));
}

std::string lasting_time(std::int64_t utc_ns) {
  utc_ns = std::max<std::int64_t>(0, utc_ns);
  std::string text = iso_time(utc_ns);  // In microseconds, with a Z behind them.
  return text.insert(text.size() - 1, fmt::format("{:03}", utc_ns % 1000));
}

}  // namespace framelog
