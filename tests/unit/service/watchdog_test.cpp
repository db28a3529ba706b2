#include "service/watchdog.hpp"

#include <gtest/gtest.h>

#include "events.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Kinds = std::vector<EventKind>;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1000 * kSecond;

TEST(FindHang, AStageThatWaitsForWorkIsWell) {
  Health health;
  EXPECT_FALSE(find_hang(health, kStart, 5s));
  health.write.begin(kStart);
  health.write.rest(kStart + 1);
  EXPECT_FALSE(find_hang(health, kStart + 1000 * kSecond, 5s));
}

TEST(FindHang, NamesTheStageThatIsBusyForTooLong) {
  Health health;
  health.reduce[3].begin(kStart);
  EXPECT_FALSE(find_hang(health, kStart + 5 * kSecond, 5s));
  const auto hang = find_hang(health, kStart + 5 * kSecond + 1, 5s);
  ASSERT_TRUE(hang);
  EXPECT_EQ(hang->stage, "reduce");
  EXPECT_EQ(hang->since_ns, kStart);
}

TEST(FindHang, AStageUnderConstantLoadIsWell) {
  Health health;
  for (int i = 0; i < 100; ++i) {
    health.reduce[0].begin(kStart + i * kSecond);
    EXPECT_FALSE(find_hang(health, kStart + (i + 1) * kSecond, 5s));
  }
}

TEST(FindHang, AReducerThatGoesOnDoesNotHideOneThatHangs) {
  Health health;
  health.reduce[0].begin(kStart);
  health.reduce[1].begin(kStart);
  health.reduce[0].rest(kStart + kSecond);
  EXPECT_TRUE(find_hang(health, kStart + 6 * kSecond, 5s));
}

TEST(FindHang, NamesTheOneThatHangsLongest) {
  Health health;
  health.write.begin(kStart);
  health.capture.begin(kStart + 1);
  const auto hang = find_hang(health, kStart + 60 * kSecond, 5s);
  ASSERT_TRUE(hang);
  EXPECT_EQ(hang->stage, "write");
}

TEST(FindHang, TheDiskMayTakeItsTime) {
  Health health;
  health.write.begin(kStart);
  {
    const DiskCall call(health.write);
    { const DiskCall inner(health.write); }
    EXPECT_FALSE(find_hang(health, kStart + 3600 * kSecond, 5s)) << "the outer call goes on";
  }
  // Behind the call the piece of work counts from the real clock's time on.
  EXPECT_NE(health.write.busy_since_ns.load(), kStart);
  EXPECT_NE(health.write.busy_since_ns.load(), 0);
}

TEST(FindHang, ADiskCallOfAStageAtRestLeavesItAtRest) {
  Health health;
  { const DiskCall call(health.write); }
  EXPECT_EQ(health.write.busy_since_ns.load(), 0);
}

TEST(FindHang, ACallToTheInstrumentMayTakeWhatItWasAskedTo) {
  Health health;
  health.capture.call("reading from the source", kStart, kSecond);
  EXPECT_FALSE(find_hang(health, kStart + 6 * kSecond, 5s));
  const auto hang = find_hang(health, kStart + 6 * kSecond + 1, 5s);
  ASSERT_TRUE(hang);
  EXPECT_EQ(hang->stage, "capture");
  EXPECT_EQ(hang->doing, "reading from the source");
}

TEST(StageHealth, CountsPiecesOfItsOwnWorkOnly) {
  StageHealth stage;
  stage.begin(kStart);
  stage.begin(kStart + 1000);
  stage.call("reading from the source", kStart + 4000, kSecond);
  stage.rest(kStart + 9000);
  stage.rest(kStart + 10000);
  const Histogram::Counts counts = stage.seconds.counts();
  EXPECT_EQ(counts.sum_ns, 4000);
  EXPECT_EQ(counts.buckets[0], 1U);
  EXPECT_EQ(counts.buckets[2], 1U);
}

TEST(Watchdog, IsSentFourTimesInAnInterval) {
  Watchdog watchdog(10s);
  EXPECT_EQ(watchdog.limit(), 5s);
  Health health;
  std::vector<int> sent;
  for (int second = 0; second < 10; ++second) {
    if (watchdog.tick(&health, kStart + second * kSecond)) sent.push_back(second);
  }
  EXPECT_EQ(sent, (std::vector{0, 3, 6, 9}));
  EXPECT_TRUE(watchdog.tick(nullptr, kStart + 12 * kSecond)) << "without a session, too";
}

TEST(Watchdog, FallsSilentAndReportsAHangOnce) {
  const Events events;
  Watchdog watchdog(10s);
  Health health;
  health.capture.call("reading from the source", kStart, kSecond);
  for (int second = 7; second < 20; ++second) {
    EXPECT_FALSE(watchdog.tick(&health, kStart + second * kSecond));
  }
  ASSERT_EQ(events.kinds(), Kinds{EventKind::kWatchdog});
  EXPECT_EQ(events.all[0].text,
            "the stage capture (reading from the source) hangs: no progress for 6 s");
  health.capture.begin(kStart + 20 * kSecond);
  EXPECT_TRUE(watchdog.tick(&health, kStart + 20 * kSecond)) << "it came back";
  EXPECT_FALSE(watchdog.tick(&health, kStart + 30 * kSecond));
  EXPECT_EQ(events.all.size(), 2U) << "another hang is another event";
}

TEST(Watchdog, WithoutSystemdReportsAlone) {
  const Events events;
  Watchdog watchdog(std::nullopt);
  Health health;
  EXPECT_FALSE(watchdog.tick(&health, kStart));
  health.write.begin(kStart);
  EXPECT_FALSE(watchdog.tick(&health, kStart + 6 * kSecond));
  EXPECT_EQ(events.kinds(), Kinds{EventKind::kWatchdog});
}

}  // namespace
}  // namespace framelog
