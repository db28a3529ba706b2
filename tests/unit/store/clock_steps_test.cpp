#include "store/clock_steps.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace framelog {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;

FrameRecord at(std::uint64_t sequence, std::int64_t utc_ns, std::int64_t monotonic_ns) {
  FrameRecord record{};
  record.sequence = sequence;
  record.utc_ns = utc_ns;
  record.monotonic_ns = monotonic_ns;
  return record;
}

TEST(ClockSteps, AreFoundWithTheirSizeAndPlace) {
  const std::vector<FrameRecord> records{
      at(4, 100 * kSecond, 7 * kSecond), at(5, 101 * kSecond, 8 * kSecond),
      at(9, 102 * kSecond - kHour, 9 * kSecond), at(10, 103 * kSecond, 10 * kSecond)};
  const auto steps = clock_steps(records);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].sequence, 9U);
  EXPECT_EQ(steps[0].utc_ns, 102 * kSecond - kHour);
  EXPECT_EQ(steps[0].step_ns, -kHour);
  EXPECT_EQ(steps[1].sequence, 10U);
  EXPECT_EQ(steps[1].step_ns, kHour);
}

TEST(ClockSteps, ASlewedClockIsNone) {
  // The most that Linux slews, over frames from microseconds to days apart.
  std::mt19937_64 random(7);
  for (const double parts : {-500e-6, 500e-6}) {
    std::vector<FrameRecord> records{at(0, 0, 0)};
    for (std::uint64_t i = 1; i < 2000; ++i) {
      const auto exponent = std::uniform_real_distribution<double>(3.0, 14.0)(random);
      const auto passed = static_cast<std::int64_t>(std::pow(10.0, exponent));
      const auto shown = passed + static_cast<std::int64_t>(static_cast<double>(passed) * parts);
      records.push_back(at(i, records.back().utc_ns + shown, records.back().monotonic_ns + passed));
    }
    EXPECT_TRUE(clock_steps(records).empty());
  }
}

TEST(ClockSteps, AFrameOfUnknownTimeTellsOfNone) {
  const FrameRecord unknown = at(5, -1, -1);
  EXPECT_EQ(clock_step_ns(at(4, 100 * kSecond, 7 * kSecond), unknown), 0);
  EXPECT_EQ(clock_step_ns(unknown, at(6, 102 * kSecond, 9 * kSecond)), 0);
  const std::vector<FrameRecord> records{at(4, 100 * kSecond, 7 * kSecond), unknown,
                                         at(6, 102 * kSecond, 9 * kSecond), unknown,
                                         at(8, 104 * kSecond + kHour, 11 * kSecond)};
  const auto steps = clock_steps(records);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].sequence, 8U);
  EXPECT_EQ(steps[0].step_ns, kHour);
}

TEST(ClockSteps, FewRecordsHaveNone) {
  EXPECT_TRUE(clock_steps({}).empty());
  const std::vector<FrameRecord> one{at(0, 5, 7)};
  EXPECT_TRUE(clock_steps(one).empty());
}

TEST(ClockSteps, AreToldInOneLine) {
  EXPECT_EQ(describe(ClockStep{12, 0, -90 * kSecond}),
            "the clock was set back by 90.000 s before frame 12 (1970-01-01T00:00:00.000000Z): "
            "times overlap, the order is that of the frames' numbers");
  EXPECT_EQ(describe(ClockStep{12, 0, 1'500'000'000}),
            "the clock was set forward by 1.500 s before frame 12 (1970-01-01T00:00:00.000000Z)");
}

}  // namespace
}  // namespace framelog
