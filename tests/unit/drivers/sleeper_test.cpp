#include "drivers/sleeper.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "fake_clock.hpp"

namespace framelog {
namespace {

TEST(Sleeper, SeesThatATimeHasComeEvenBehindTheDeadline) {
  FakeClock clock;
  Sleeper sleeper(clock);
  EXPECT_TRUE(sleeper.wait_until(clock.monotonic_ns(), kPast));
  EXPECT_FALSE(sleeper.wait_until(clock.monotonic_ns() + 1, kPast));
  clock.move(1);
  EXPECT_TRUE(sleeper.wait_until(clock.monotonic_ns(), kPast));
}

TEST(Sleeper, WaitsForTheSystemsClock) {
  Sleeper sleeper(system_clock());
  const std::int64_t due_ns = system_clock().monotonic_ns() + 5 * kMs;
  EXPECT_TRUE(sleeper.wait_until(due_ns, kNoDeadline));
  EXPECT_GE(system_clock().monotonic_ns(), due_ns);
}

TEST(Sleeper, EndsTheNextWaitWhenCancelledBeforeIt) {
  FakeClock clock;
  Sleeper sleeper(clock);
  sleeper.cancel();
  EXPECT_FALSE(sleeper.wait_until(Sleeper::kNever, kNoDeadline));
}

TEST(Sleeper, IsCancelledFromAnotherThread) {
  FakeClock clock;
  Sleeper sleeper(clock);
  const std::jthread canceller([&] { sleeper.cancel(); });
  EXPECT_FALSE(sleeper.wait_until(Sleeper::kNever, kNoDeadline));
}

TEST(Sleeper, GivesFramesTheTimesOfTheirSchedule) {
  FakeClock clock;
  FrameInfo info;
  set_times(info, clock, clock.monotonic_ns() - 5);
  EXPECT_EQ(info.monotonic_ns, clock.monotonic_ns() - 5);
  EXPECT_EQ(info.utc_ns, clock.utc_ns() - 5);
}

}  // namespace
}  // namespace framelog
