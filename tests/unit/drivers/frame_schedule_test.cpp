#include "drivers/frame_schedule.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "fake_clock.hpp"

namespace framelog {
namespace {

std::vector<Fault> faults(std::string_view script) { return parse_faults(script).value(); }

/// The numbers of all frames in the buffer.
std::vector<std::uint64_t> taken(FrameSchedule& schedule, std::int64_t now_ns) {
  std::vector<std::uint64_t> numbers;
  for (schedule.advance(now_ns); schedule.front() != nullptr; schedule.pop()) {
    numbers.push_back(schedule.front()->sequence);
  }
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

TEST(FrameSchedule, HasEachFrameAtItsTime) {
  FrameSchedule schedule(40 * kMs, {});
  schedule.restart(kSecond);
  for (std::int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(schedule.next_due_ns(), kSecond + i * 40 * kMs);
    EXPECT_TRUE(taken(schedule, schedule.next_due_ns() - 1).empty());
    EXPECT_EQ(taken(schedule, schedule.next_due_ns()), Numbers{static_cast<std::uint64_t>(i)});
  }
}

TEST(FrameSchedule, KeepsEightFramesForALateReaderAndLosesTheNewest) {
  FrameSchedule schedule(kMs, {});
  schedule.restart(0);
  EXPECT_EQ(taken(schedule, 7 * kMs), (Numbers{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(taken(schedule, 100 * kMs), (Numbers{8, 9, 10, 11, 12, 13, 14, 15}));
  EXPECT_EQ(schedule.next_sequence(), 101U);
  EXPECT_EQ(taken(schedule, 101 * kMs), Numbers{101});
}

TEST(FrameSchedule, IsQuickForAReaderWhoIsLateByYears) {
  FrameSchedule schedule(1000, faults("stall 1 s at 1000000000"));
  schedule.restart(0);
  const std::int64_t decade_ns = 315'360'000 * kSecond;
  schedule.advance(decade_ns);
  while (schedule.front() != nullptr) schedule.pop();
  EXPECT_EQ(schedule.next_sequence(), static_cast<std::uint64_t>((decade_ns - kSecond) / 1000) + 1);
}

TEST(FrameSchedule, LeavesOutWhatIsLost) {
  FrameSchedule schedule(kMs, faults("lose 2 at 1; lose 3 at 3; lose 1 at 7"));
  schedule.restart(0);
  EXPECT_EQ(taken(schedule, 8 * kMs), (Numbers{0, 6, 8}));
}

TEST(FrameSchedule, IsLateForGoodAfterAStallAndLosesNothing) {
  FrameSchedule schedule(kMs, faults("stall 2 s at 2"));
  schedule.restart(0);
  EXPECT_EQ(taken(schedule, 2 * kSecond), (Numbers{0, 1}));
  EXPECT_EQ(schedule.next_due_ns(), 2 * kSecond + 2 * kMs);
  EXPECT_EQ(taken(schedule, 2 * kSecond + 3 * kMs), (Numbers{2, 3}));
}

TEST(FrameSchedule, LosesNothingByAPause) {
  FrameSchedule schedule(kMs, {});
  schedule.restart(0);
  schedule.advance(5 * kMs);
  schedule.pop();
  schedule.restart(kSecond);
  EXPECT_EQ(schedule.next_sequence(), 1U);
  EXPECT_EQ(schedule.next_due_ns(), kSecond);
}

TEST(FrameSchedule, LosesWhatWasDueWhileTheCameraWasAway) {
  FrameSchedule schedule(kMs, {});
  schedule.restart(0);
  schedule.advance(5 * kMs);
  schedule.resume(kSecond, 0);
  EXPECT_EQ(schedule.next_sequence(), 1001U);
  schedule.resume(kSecond, 2000);
  EXPECT_EQ(schedule.next_due_ns(), 2000 * kMs);
}

TEST(FrameSchedule, MakesFramesOnDemandWithoutAPeriod) {
  FrameSchedule schedule(0, faults("lose 2 at 1; stall 1 s at 4"));
  schedule.restart(kSecond);
  EXPECT_EQ(taken(schedule, 5 * kSecond), Numbers{0});
  schedule.advance(6 * kSecond);
  schedule.advance(7 * kSecond);
  ASSERT_NE(schedule.front(), nullptr);
  EXPECT_EQ(schedule.front()->sequence, 3U);
  EXPECT_EQ(schedule.front()->due_ns, 6 * kSecond);
  schedule.pop();
  EXPECT_TRUE(taken(schedule, 8 * kSecond).empty());
  EXPECT_EQ(schedule.next_due_ns(), 9 * kSecond);
  EXPECT_EQ(taken(schedule, 9 * kSecond), Numbers{4});
}

TEST(FrameSchedule, SurvivesNumbersThatNoCameraReaches) {
  FrameSchedule schedule(1000 * kSecond, faults("lose 4611686018427387904 at 0; "
                                                "lose 4611686018427387904 at 4611686018427387904"));
  schedule.restart(kSecond);
  EXPECT_TRUE(taken(schedule, 1000 * kSecond).empty());
  EXPECT_GT(schedule.next_due_ns(), 1000 * kSecond);
}

}  // namespace
}  // namespace framelog
