#include "core/clock.hpp"

#include <fmt/format.h>
#include <sys/timex.h>

#include <ctime>
#include <limits>

namespace framelog {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kApartNs = 100'000;  ///< At most, of two readings that belong together.
constexpr int kTries = 8;

std::int64_t read_clock(clockid_t id) noexcept {
  timespec now{};
  ::clock_gettime(id, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t utc_ns() const noexcept override { return read_clock(CLOCK_REALTIME); }
  [[nodiscard]] std::int64_t monotonic_ns() const noexcept override {
    return read_clock(CLOCK_MONOTONIC);
  }
  [[nodiscard]] bool synchronised() const noexcept override {
    timex query{};
    const int state = ::adjtimex(&query);
    return state >= 0 && state != TIME_ERROR && (query.status & STA_UNSYNC) == 0;
  }
};

}  // namespace

const Clock& system_clock() noexcept {
  static const SystemClock clock;
  return clock;
}

std::int64_t utc_at(const Clock& clock, std::int64_t monotonic_ns) noexcept {
  std::int64_t least_apart_ns = std::numeric_limits<std::int64_t>::max();
  std::int64_t offset_ns = 0;
  std::int64_t before_ns = clock.monotonic_ns();
  for (int i = 0; i < kTries && least_apart_ns > kApartNs; ++i) {
    const std::int64_t utc_ns = clock.utc_ns();
    const std::int64_t after_ns = clock.monotonic_ns();
    if (after_ns - before_ns < least_apart_ns) {
      least_apart_ns = after_ns - before_ns;
      offset_ns = utc_ns - before_ns - least_apart_ns / 2;
    }
    before_ns = after_ns;
  }
  return monotonic_ns + offset_ns;
}

std::string iso_time(std::int64_t utc_ns) {
  std::int64_t seconds = utc_ns / kNsPerSecond;
  std::int64_t rest_ns = utc_ns % kNsPerSecond;
  if (rest_ns < 0) {
    rest_ns += kNsPerSecond;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     rest_ns / 1000);
}

}  // namespace framelog
