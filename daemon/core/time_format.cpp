#include "core/time_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr unsigned kYear = 0x01;
constexpr unsigned kMonth = 0x02;
constexpr unsigned kDay = 0x04;
constexpr unsigned kHour = 0x08;
constexpr unsigned kMinute = 0x10;
constexpr unsigned kSecond = 0x20;
constexpr unsigned kTwelveHours = 0x40;
constexpr unsigned kHalfOfDay = 0x80;
constexpr unsigned kInstant = kYear | kMonth | kDay | kHour | kMinute | kSecond;

struct Directive {
  char letter;
  std::size_t most_bytes;
  unsigned parts;
};

constexpr std::array<Directive, 22> kDirectives{{{'Y', 4, kYear},
                                                 {'y', 2, kYear},
                                                 {'m', 2, kMonth},
                                                 {'b', 3, kMonth},
                                                 {'B', 9, kMonth},
                                                 {'d', 2, kDay},
                                                 {'j', 3, kMonth | kDay},
                                                 {'a', 3, 0},
                                                 {'A', 9, 0},
                                                 {'u', 1, 0},
                                                 {'H', 2, kHour},
                                                 {'I', 2, kTwelveHours},
                                                 {'p', 2, kHalfOfDay},
                                                 {'M', 2, kMinute},
                                                 {'S', 2, kSecond},
                                                 {'f', 6, 0},
                                                 {'F', 10, kYear | kMonth | kDay},
                                                 {'T', 8, kHour | kMinute | kSecond},
                                                 {'R', 5, kHour | kMinute},
                                                 {'s', 11, kInstant},
                                                 {'z', 5, 0},
                                                 {'Z', 16, 0}}};

const Directive* find_directive(char letter) noexcept {
  const auto* found = std::ranges::find(kDirectives, letter, &Directive::letter);
  return found == kDirectives.end() ? nullptr : found;
}

std::string known_directives() {
  std::string list;
  for (const Directive& directive : kDirectives) list += fmt::format("%{} ", directive.letter);
  return list + "%%";
}

// One directive at a time, so that no result can overflow the buffer.
std::string format_part(char letter, const std::tm& parts, std::int64_t rest_ns) {
  if (letter == '%') return "%";
  if (letter == 'f') return fmt::format("{:06}", rest_ns / 1000);
  const std::array<char, 3> format{'%', letter, '\0'};
  std::array<char, 64> buffer{};
  const std::size_t length = std::strftime(buffer.data(), buffer.size(), format.data(), &parts);
  return {buffer.data(), length};
}

}  // namespace

bool tells_the_second(unsigned parts) noexcept {
  constexpr unsigned kHourInHalves = kTwelveHours | kHalfOfDay;
  if ((parts & kHourInHalves) == kHourInHalves) parts |= kHour;
  return (parts & kInstant) == kInstant;
}

std::expected<TimeFormatFacts, TimeFormatFault> check_time_format(std::string_view format) {
  TimeFormatFacts facts;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      ++facts.most_bytes;
      continue;
    }
    const std::size_t offset = i++;
    if (i < format.size() && format[i] == '%') {
      ++facts.most_bytes;
      continue;
    }
    const Directive* directive = i < format.size() ? find_directive(format[i]) : nullptr;
    if (directive == nullptr) {
      const std::string_view rest = format.substr(i);
      const std::string_view character = rest.substr(0, utf8_length(rest));
      return std::unexpected(
          TimeFormatFault{offset, fmt::format("unknown time directive \"%{}\" (there are: {})",
                                              character, known_directives())});
    }
    facts.most_bytes += directive->most_bytes;
    facts.parts |= directive->parts;
  }
  return facts;
}

std::string format_time(std::string_view format, std::int64_t utc_ns, bool local) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  std::int64_t rest_ns = utc_ns % kNsPerSecond;
  std::time_t seconds = utc_ns / kNsPerSecond;
  if (rest_ns < 0) {
    rest_ns += kNsPerSecond;
    --seconds;
  }
  std::tm parts{};
  if (local) {
    ::localtime_r(&seconds, &parts);
  } else {
    ::gmtime_r(&seconds, &parts);
  }
  // %s is the one directive that strftime computes from the local zone whatever the parts say.
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      text += format[i];
    } else if (format[++i] == 's') {
      text += std::to_string(seconds);
    } else {
      text += format_part(format[i], parts, rest_ns);
    }
  }
  return text;
}

}  // namespace framelog
