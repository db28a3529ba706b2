#include "core/clock.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

TEST(SystemClock, CountsMonotonicTimeAsDeadlinesDo) {
  const std::int64_t before = std::chrono::steady_clock::now().time_since_epoch().count();
  const std::int64_t now = system_clock().monotonic_ns();
  const std::int64_t after = std::chrono::steady_clock::now().time_since_epoch().count();
  EXPECT_LE(before, now);
  EXPECT_LE(now, after);
}

TEST(SystemClock, CountsUtcFrom1970) {
  const std::int64_t before = std::chrono::system_clock::now().time_since_epoch().count();
  const std::int64_t now = system_clock().utc_ns();
  EXPECT_LE(before, now);
  EXPECT_LE(now, std::chrono::system_clock::now().time_since_epoch().count());
}

/// Whoever reads it is put aside for 20 ms behind some of the readings.
class BusyClock final : public Clock {
 public:
  static constexpr std::int64_t kOffset = 1'700'000'000'000'000'000;
  explicit BusyClock(int interrupted) : interrupted_(interrupted) {}
  [[nodiscard]] std::int64_t utc_ns() const noexcept override { return look() + kOffset; }
  [[nodiscard]] std::int64_t monotonic_ns() const noexcept override { return look(); }
  [[nodiscard]] bool synchronised() const noexcept override { return true; }

 private:
  std::int64_t look() const noexcept {
    const std::int64_t now = now_ns_;
    now_ns_ += looks_++ < interrupted_ ? 20'000'000 : 40;
    return now;
  }
  int interrupted_;
  mutable std::int64_t now_ns_{1'000'000'000};
  mutable int looks_{};
};

TEST(UtcAt, IsNotMovedByAnInterruptionBetweenTheTwoClocks) {
  for (int interrupted = 0; interrupted < 8; ++interrupted) {
    const BusyClock clock(interrupted);
    EXPECT_NEAR(static_cast<double>(utc_at(clock, 5'000) - BusyClock::kOffset), 5'000, 100)
        << interrupted;
  }
}

TEST(UtcAt, IsTheBestOfSomeTriesWhereAllAreInterrupted) {
  const BusyClock clock(1'000);
  EXPECT_NEAR(static_cast<double>(utc_at(clock, 0) - BusyClock::kOffset), 0, 20'000'000);
}

TEST(IsoTime, IsUtcWithMicroseconds) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(iso_time(1'795'190'400'123'456'789), "2026-11-20T16:00:00.123456Z");
  EXPECT_EQ(iso_time(951'782'399'999'999'999), "2000-02-28T23:59:59.999999Z");
  EXPECT_EQ(iso_time(951'782'400'000'000'000), "2000-02-29T00:00:00.000000Z");
}

TEST(IsoTime, CountsBackBefore1970) {
  EXPECT_EQ(iso_time(-1'000), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(iso_time(-1'000'000'000), "1969-12-31T23:59:59.000000Z");
}

}  // namespace
}  // namespace framelog
