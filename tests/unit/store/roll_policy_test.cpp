#include "store/roll_policy.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace framelog {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNoon = 1'795'176'000 * kSecond;  // 2026-11-20T12:00:00Z

FrameInfo at(std::int64_t utc_ns, std::int64_t monotonic_ns) {
  FrameInfo info;
  info.utc_ns = utc_ns;
  info.monotonic_ns = monotonic_ns;
  return info;
}

class RollPolicyTest : public testing::Test {
 protected:
  RollPolicyTest() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

TEST_F(RollPolicyTest, ReservesNoMoreThanTheFirstLimit) {
  RollPolicy policy;
  policy.max_bytes = 1'000'000;
  const auto by_size = segment_capacity(policy, 1000, std::nullopt);
  EXPECT_LE(by_size * 1000, 1'000'000);
  EXPECT_GT(by_size, 500);
  policy.max_duration = std::chrono::seconds(10);
  const auto by_time = segment_capacity(policy, 1000, 10.0);
  EXPECT_GE(by_time, 105);
  EXPECT_LT(by_time, by_size);
  policy.max_frames = 7;
  EXPECT_EQ(segment_capacity(policy, 1000, 10.0), 7);
}

TEST_F(RollPolicyTest, AFrameLargerThanASegmentStillFits) {
  RollPolicy policy;
  policy.max_bytes = 10;
  EXPECT_EQ(segment_capacity(policy, 1000, std::nullopt), 1);
}

TEST_F(RollPolicyTest, EndsAfterItsDurationWhateverTheWallClockDoes) {
  RollPolicy policy;
  policy.max_duration = std::chrono::seconds(60);
  const RollClock clock(policy, at(kNoon, 0));
  EXPECT_EQ(clock.due(at(kNoon + 500 * kSecond, 59 * kSecond)), "");
  EXPECT_EQ(clock.due(at(kNoon, 60 * kSecond)), "duration");
}

TEST_F(RollPolicyTest, EndsAtTheFullHour) {
  RollPolicy policy;
  policy.max_duration = std::chrono::hours(100);
  policy.align = RollAlign::kHour;
  const RollClock clock(policy, at(kNoon + 5 * kSecond, 0));
  EXPECT_EQ(clock.due(at(kNoon + 3599 * kSecond, kSecond)), "");
  EXPECT_EQ(clock.due(at(kNoon + 3600 * kSecond, kSecond)), "hour");
}

TEST_F(RollPolicyTest, EndsAtMidnight) {
  RollPolicy policy;
  policy.max_duration = std::chrono::hours(100);
  policy.align = RollAlign::kDay;
  const RollClock clock(policy, at(kNoon, 0));
  EXPECT_EQ(clock.due(at(kNoon + 43199 * kSecond, kSecond)), "");
  EXPECT_EQ(clock.due(at(kNoon + 43200 * kSecond, kSecond)), "day");
  EXPECT_EQ(clock.due(at(kNoon - 200'000 * kSecond, kSecond)), "day");
}

RollPolicy by_scan(const Scan& scan) {
  RollPolicy policy;
  policy.max_duration = std::chrono::hours(100);
  policy.align = RollAlign::kScan;
  policy.scan = scan;
  return policy;
}

FrameInfo numbered(std::uint64_t number) {
  FrameInfo info = at(kNoon, 0);
  info.source_sequence = number;
  return info;
}

TEST_F(RollPolicyTest, EndsWithEachScan) {
  const Scan scan{3, 4, 2, 7};
  for (const std::uint64_t first : {7U, 11U, 24U}) {
    const RollClock clock(by_scan(scan), numbered(first));
    for (std::uint64_t number = first; number < 7 + 18; ++number) {
      EXPECT_EQ(clock.due(numbered(number)), "") << number;
    }
    EXPECT_EQ(clock.due(numbered(7 + 18)), "scan");
    EXPECT_EQ(clock.due(numbered(7 + 3 * 18 + 7)), "scan") << "scans in between were lost";
  }
}

TEST_F(RollPolicyTest, AFlybackFrameEndsNoSegment) {
  const Scan scan{3, 4, 2, 0};
  const RollClock clock(by_scan(scan), numbered(0));
  EXPECT_EQ(clock.due(numbered(16)), "");
  EXPECT_EQ(clock.due(numbered(18 + 4)), "") << "of the next scan, but a flyback frame";
}

TEST_F(RollPolicyTest, NumbersThatBeginAgainAreAnotherScan) {
  const RollClock clock(by_scan({2, 2, 0, 0}), numbered(9));
  EXPECT_EQ(clock.due(numbered(1)), "scan");
}

TEST_F(RollPolicyTest, ReservesTheFramesOfOneScanAtMost) {
  RollPolicy policy = by_scan({30, 40, 5, 0});
  policy.max_bytes = std::int64_t{1} << 30U;
  EXPECT_EQ(segment_capacity(policy, 1000, std::nullopt), 1200);
  policy.max_frames = 100;
  EXPECT_EQ(segment_capacity(policy, 1000, std::nullopt), 100);
}

TEST_F(RollPolicyTest, AnEndlessDurationDoesNotOverflow) {
  RollPolicy policy;
  policy.max_duration = std::chrono::nanoseconds::max();
  const RollClock clock(policy, at(kNoon, 1000 * kSecond));
  EXPECT_EQ(clock.due(at(kNoon, 2000 * kSecond)), "");
}

TEST(PackedCapacity, IsBoundByTheBytesOfTheFile) {
  RollPolicy policy;
  policy.max_bytes = std::int64_t{1} << 30U;
  constexpr std::int64_t kRowBytes = 216;
  for (const std::size_t frame_bytes : {std::size_t{1}, std::size_t{100}, std::size_t{2048},
                                        std::size_t{65536}, std::size_t{2} << 20U}) {
    const auto capacity = packed_segment_capacity(policy, frame_bytes, std::nullopt);
    EXPECT_LE(capacity.bytes + capacity.frames * kRowBytes, policy.max_bytes) << frame_bytes;
    EXPECT_GE(capacity.bytes, static_cast<std::int64_t>(frame_bytes));
    // As many as without compression have room, and more where they can become smaller.
    EXPECT_GE(capacity.frames, segment_capacity(policy, frame_bytes, std::nullopt));
  }
  const auto large = packed_segment_capacity(policy, std::size_t{2} << 20U, std::nullopt);
  EXPECT_GT(large.frames, 30'000);
  EXPECT_GT(large.bytes, policy.max_bytes * 99 / 100);
}

TEST(PackedCapacity, IsNoMoreThanWhatComesAndNeverLessThanAFrame) {
  RollPolicy policy;
  policy.max_frames = 10;
  EXPECT_EQ(packed_segment_capacity(policy, 1000, std::nullopt).frames, 10);
  EXPECT_EQ(packed_segment_capacity(policy, 1000, std::nullopt).bytes, 10'000);
  policy.max_bytes = 100;
  const auto small = packed_segment_capacity(policy, 1000, std::nullopt);
  EXPECT_EQ(small.frames, 1);
  EXPECT_EQ(small.bytes, 1000);
}

}  // namespace
}  // namespace framelog
