#include "core/iso_time.hpp"

#include <chrono>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// Takes numbers and separators from the front of a text; the first that does not fit ends it.
class Taker {
 public:
  explicit Taker(std::string_view text) noexcept : rest_(text) {}

  int number(std::size_t digits) noexcept {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || !is_digit(rest_[0])) good_ = false;
      if (!good_) return 0;
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool take(char wanted) noexcept {
    if (!good_ || !rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) noexcept { good_ = take(wanted) && good_; }
  /// Digits behind a point, as nanoseconds; more than nine are cut.
  std::int64_t fraction_ns() noexcept {
    std::int64_t value = 0;
    std::int64_t unit = kNsPerSecond;
    while (good_ && !rest_.empty() && is_digit(rest_[0])) {
      unit /= 10;
      value += unit * (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] bool at_end() const noexcept { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_{true};
};

/// Minutes that a zone is ahead of UTC.
std::int64_t zone_minutes(Taker& taker) noexcept {
  if (taker.take('Z')) return 0;
  const bool ahead = taker.take('+');
  if (!ahead && !taker.take('-')) return 0;
  const int hours = taker.number(2);
  taker.take(':');
  const int minutes = hours * 60 + taker.number(2);
  return ahead ? minutes : -minutes;
}

}  // namespace

std::optional<std::int64_t> utc_of_iso(std::string_view text) noexcept {
  Taker taker(text);
  const int year = taker.number(4);
  taker.expect('-');
  const auto month = static_cast<unsigned>(taker.number(2));
  taker.expect('-');
  const auto day = static_cast<unsigned>(taker.number(2));
  if (!taker.take('T')) taker.expect(' ');
  const int hour = taker.number(2);
  taker.expect(':');
  const int minute = taker.number(2);
  taker.expect(':');
  const int second = taker.number(2);
  const std::int64_t fraction_ns = taker.take('.') ? taker.fraction_ns() : 0;
  const std::int64_t zone = zone_minutes(taker);
  using namespace std::chrono;
  const year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                            std::chrono::day{day}};
  // A leap second is the one behind it. Nanoseconds in 64 bits reach from 1677 to 2262.
  if (!taker.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 60 || year < 1700 ||
      year > 2200) {
    return std::nullopt;
  }
  const std::int64_t days = sys_days{date}.time_since_epoch().count();
  const std::int64_t minutes = (days * 24 + hour) * 60 + minute - zone;
  return (minutes * 60 + second) * kNsPerSecond + fraction_ns;
}

}  // namespace framelog
