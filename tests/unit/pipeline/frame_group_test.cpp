#include "pipeline/frame_group.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "frame_group_rig.hpp"

namespace framelog {
namespace {

using grouped::Frame;
using grouped::Group;
using grouped::Rig;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kNoon = 1'795'176'000 * kSecond;  // 2026-11-20T12:00:00Z
constexpr std::int64_t kManyGroups = 1'000'000;

constexpr FrameShape kSmall{3, 5, PixelType::kUint16};

ProductReduction sum_of(std::uint32_t accumulate, const FrameShape& shape = kSmall) {
  ReductionSpec spec;
  spec.accumulate = accumulate;
  spec.dtype = PixelType::kUint32;
  ProductReduction reduction;
  reduction.plan = make_plan(shape, spec, std::nullopt).value();
  reduction.roll.max_duration = std::chrono::hours(1000);
  reduction.segment_capacity = kManyGroups;
  return reduction;
}

std::vector<Frame> frames_of(std::size_t count, std::int64_t period_ns = kSecond) {
  std::vector<Frame> frames(count);
  for (std::size_t i = 0; i < count; ++i) {
    frames[i].monotonic_ns = static_cast<std::int64_t>(i) * period_ns;
    frames[i].utc_ns = kNoon + frames[i].monotonic_ns;
  }
  return frames;
}

/// Whether a segment that began at `start` is over at `now`, in plain words and UTC.
bool is_over(const RollPolicy& roll, const Frame& start, const Frame& now) {
  if (now.monotonic_ns - start.monotonic_ns >= roll.max_duration.count()) return true;
  return roll.align == RollAlign::kHour && now.utc_ns / kHour != start.utc_ns / kHour;
}

/// The groups that the frames must give. A segment begins with its first group; before that is
/// complete, with the group's first frame.
std::vector<Group> reference_of(const std::vector<Frame>& frames,
                                const ProductReduction& reduction) {
  std::vector<Group> groups;
  Group open;
  std::optional<Frame> segment;
  std::int64_t in_segment = 0;
  const auto close = [&](std::uint64_t at) {
    if (open.frames.empty()) return;
    const bool whole = open.frames.size() == reduction.plan.accumulate;
    if (!whole) open.flags |= kFlagGroupCutShort;
    open.at = at;
    if (in_segment == 0) segment = frames[open.frames.back()];
    ++in_segment;
    groups.push_back(std::exchange(open, {}));
  };
  for (std::uint64_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    if (frame.lost_before || (segment && is_over(reduction.roll, *segment, frame))) close(i);
    if (i % reduction.keep_every != 0) continue;
    if (open.frames.empty()) {
      if (!segment || in_segment == reduction.segment_capacity ||
          is_over(reduction.roll, *segment, frame)) {
        segment = frame;
        in_segment = 0;
      }
      open.first_monotonic_ns = frame.monotonic_ns;
    }
    open.frames.push_back(i);
    open.flags |= frame.flags;
    const bool known = open.exposure_ns >= 0 && frame.exposure_ns >= 0;
    open.exposure_ns = known ? open.exposure_ns + frame.exposure_ns : -1;
    if (open.frames.size() == reduction.plan.accumulate) close(i);
  }
  close(frames.size());
  return groups;
}

std::vector<std::vector<std::uint64_t>> frames_in(const std::vector<Group>& groups) {
  std::vector<std::vector<std::uint64_t>> frames;
  for (const Group& group : groups) frames.push_back(group.frames);
  return frames;
}

using Frames = std::vector<std::vector<std::uint64_t>>;

class FrameGroupTest : public testing::Test {
 protected:
  FrameGroupTest() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }

  std::int64_t below(std::int64_t limit) {
    return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random_);
  }
  bool one_in(std::int64_t n) { return below(n) == 0; }

  std::vector<Frame> random_frames(std::size_t count) {
    std::vector<Frame> frames = frames_of(count, kSecond * (1 + below(600)));
    const std::int64_t gaps = 2 + below(40);
    std::int64_t pause_ns = 0;
    for (Frame& frame : frames) {
      frame.lost_before = one_in(gaps);
      if (one_in(30)) pause_ns += below(2 * kHour);
      frame.monotonic_ns += pause_ns;
      frame.utc_ns += pause_ns;
      frame.exposure_ns = one_in(20) ? -1 : below(1000);
      if (one_in(15)) frame.flags = kFlagTrigger;
    }
    return frames;
  }
  ProductReduction random_reduction(const FrameShape& shape = kSmall) {
    ProductReduction reduction = sum_of(static_cast<std::uint32_t>(2 + below(12)), shape);
    if (one_in(2)) reduction.keep_every = static_cast<std::uint32_t>(1 + below(4));
    if (one_in(2)) reduction.roll.align = RollAlign::kHour;
    if (one_in(2)) reduction.roll.max_duration = std::chrono::seconds(1 + below(4000));
    if (one_in(3)) reduction.segment_capacity = 1 + below(5);
    return reduction;
  }

  std::mt19937 random_{2026};
};

TEST_F(FrameGroupTest, EachGroupIsInTheSlotOfItsLastFrameAndTheRestInTheTail) {
  Rig rig(kSmall, frames_of(8), {sum_of(3)});
  rig.run();
  const auto groups = rig.groups(0);
  EXPECT_EQ(frames_in(groups), (Frames{{0, 1, 2}, {3, 4, 5}, {6, 7}}));
  EXPECT_EQ(groups[0].at, 2U);
  EXPECT_EQ(groups[1].at, 5U);
  EXPECT_EQ(groups[2].at, 8U);
  EXPECT_EQ(groups[1].flags, 0U);
  EXPECT_EQ(groups[2].flags, kFlagGroupCutShort);
  const auto outcome = [&](std::uint64_t i) {
    return rig.ring().slot(i).header.results[0].outcome;
  };
  EXPECT_EQ(outcome(1), FrameOutcome::kMerged);
  EXPECT_EQ(outcome(2), FrameOutcome::kFrame);
  EXPECT_EQ(outcome(7), FrameOutcome::kMerged);
}

TEST_F(FrameGroupTest, AGapEndsAGroupBeforeIt) {
  std::vector<Frame> frames = frames_of(9);
  frames[2].lost_before = frames[3].lost_before = frames[6].lost_before = true;
  Rig rig(kSmall, frames, {sum_of(3)});
  rig.run();
  const auto groups = rig.groups(0);
  EXPECT_EQ(frames_in(groups), (Frames{{0, 1}, {2}, {3, 4, 5}, {6, 7, 8}}));
  EXPECT_EQ(groups[0].at, 2U) << "known when the frame behind the gap is there";
}

TEST_F(FrameGroupTest, AGapBeforeASkippedFrameEndsTheGroupToo) {
  std::vector<Frame> frames = frames_of(8);
  frames[3].lost_before = true;
  ProductReduction reduction = sum_of(3);
  reduction.keep_every = 2;
  Rig rig(kSmall, frames, {reduction});
  rig.run();
  EXPECT_EQ(frames_in(rig.groups(0)), (Frames{{0, 2}, {4, 6}}));
  EXPECT_EQ(rig.ring().slot(3).header.results[0].outcome, FrameOutcome::kSkipped);
  EXPECT_TRUE(rig.ring().slot(3).header.results[0].emits);
}

TEST_F(FrameGroupTest, TheFullHourEndsOneGroupAndTheNextIsWhole) {
  std::vector<Frame> frames = frames_of(12);
  for (std::size_t i = 5; i < 12; ++i) frames[i].utc_ns += kHour;
  ProductReduction reduction = sum_of(3);
  reduction.roll.align = RollAlign::kHour;
  Rig rig(kSmall, frames, {reduction});
  rig.run();
  EXPECT_EQ(frames_in(rig.groups(0)), (Frames{{0, 1, 2}, {3, 4}, {5, 6, 7}, {8, 9, 10}, {11}}));
}

TEST_F(FrameGroupTest, TheFullHourEndsTheFirstGroupOfARunToo) {
  std::vector<Frame> frames = frames_of(6);
  for (std::size_t i = 2; i < 6; ++i) frames[i].utc_ns += kHour;
  ProductReduction reduction = sum_of(4);
  reduction.roll.align = RollAlign::kHour;
  Rig rig(kSmall, frames, {reduction});
  rig.run();
  EXPECT_EQ(frames_in(rig.groups(0)), (Frames{{0, 1}, {2, 3, 4, 5}}));
}

TEST_F(FrameGroupTest, NoGroupIsLongerThanASegment) {
  ProductReduction reduction = sum_of(100);
  reduction.roll.max_duration = std::chrono::seconds(4);
  Rig rig(kSmall, frames_of(12), {reduction});
  rig.run();
  for (const Group& group : rig.groups(0)) EXPECT_LE(group.frames.size(), 4U);
  EXPECT_EQ(rig.groups(0).front().frames.size(), 4U);
}

TEST_F(FrameGroupTest, GivesTheGroupsOfAPlainReferenceForSeveralProducts) {
  for (int round = 0; round < 400; ++round) {
    std::vector<ProductReduction> reductions;
    for (std::int64_t n = 1 + below(3); n > 0; --n) reductions.push_back(random_reduction());
    Rig rig(kSmall, random_frames(60), reductions);
    rig.run();
    for (std::size_t i = 0; i < reductions.size(); ++i) {
      ASSERT_EQ(rig.groups(i), reference_of(rig.frames(), reductions[i]))
          << "round " << round << ", product " << i;
    }
  }
}

/// Every frame that is not skipped is in one group, in order, and no gap within one.
void expect_each_frame_once(Rig& rig, std::size_t product) {
  std::vector<std::uint64_t> found;
  for (const Group& group : rig.groups(product)) {
    EXPECT_LE(group.frames.size(), rig.reduction(product).plan.accumulate);
    for (std::uint64_t i = group.frames.front() + 1; i <= group.frames.back(); ++i) {
      EXPECT_FALSE(rig.frames()[i].lost_before) << "a gap at " << i << " within a group";
    }
    found.insert(found.end(), group.frames.begin(), group.frames.end());
  }
  std::vector<std::uint64_t> wanted;
  for (std::uint64_t i = 0; i < rig.frames().size(); ++i) {
    if (i % rig.reduction(product).keep_every == 0) wanted.push_back(i);
  }
  EXPECT_EQ(found, wanted);
}

TEST_F(FrameGroupTest, ANewProcessGoesOnWhereTheOldOneWasBetweenTwoFrames) {
  for (int round = 0; round < 200; ++round) {
    ProductReduction reduction = random_reduction();
    reduction.roll.max_duration = std::chrono::hours(1000);
    reduction.segment_capacity = kManyGroups;
    Rig rig(kSmall, random_frames(40), {reduction});
    for (std::uint64_t at = 0; at < 40; at += static_cast<std::uint64_t>(1 + below(10))) {
      rig.begin_process();
      rig.take_up_to(at);
    }
    rig.begin_process();
    rig.take_up_to(40);
    rig.finish();
    ASSERT_EQ(rig.groups(0), reference_of(rig.frames(), reduction)) << "round " << round;
  }
}

/// The state of a process that died when it had cut a group off and not yet cleared its memory.
TEST_F(FrameGroupTest, AGroupThatWasPutIntoItsSlotIsNotPutIntoAnotherOne) {
  std::vector<Frame> frames = frames_of(12);
  for (std::size_t i = 6; i < frames.size(); ++i) frames[i].utc_ns += kHour;
  ProductReduction reduction = sum_of(4);
  reduction.roll.align = RollAlign::kHour;
  Rig rig(kSmall, frames, {reduction});
  rig.begin_process();
  rig.take_up_to(6);
  const auto memory = rig.ring().group(0);
  const std::vector<std::byte> before(memory.begin(), memory.end());
  rig.take(6);
  std::ranges::copy(before, memory.begin());
  rig.ring().advance_reduced(0, 6);
  rig.begin_process();
  rig.take_up_to(frames.size());
  rig.finish();
  EXPECT_EQ(frames_in(rig.groups(0)), (Frames{{0, 1, 2, 3}, {4, 5}, {6, 7, 8, 9}, {10, 11}}));
}

/// Runs the groups in a child, which is killed when it has done `frames` frames and a little more.
void run_and_kill(Rig& rig, std::uint64_t frames, std::int64_t spins) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    rig.begin_process();
    rig.take_up_to(rig.frames().size());
    for (;;) ::pause();
  }
  while (rig.ring().reduced_by(0) < frames) ::sched_yield();
  for (std::int64_t i = 0; i < spins; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST_F(FrameGroupTest, EveryFrameIsInOneGroupHoweverOftenTheProcessIsKilled) {
  constexpr FrameShape kLarge{48, 64, PixelType::kUint16};
  constexpr std::uint64_t kFrames = 200;
  for (int round = 0; round < 12; ++round) {
    const std::vector<ProductReduction> reductions{random_reduction(kLarge),
                                                   random_reduction(kLarge)};
    Rig rig(kLarge, random_frames(kFrames), reductions);
    for (std::uint64_t done = 0; done < kFrames; done = rig.ring().reduced_by(0)) {
      const auto next = done + static_cast<std::uint64_t>(below(12));
      ASSERT_NO_FATAL_FAILURE(run_and_kill(rig, std::min(next, kFrames), below(20'000)));
    }
    rig.begin_process();
    rig.finish();
    for (std::size_t i = 0; i < reductions.size(); ++i) {
      expect_each_frame_once(rig, i);
      ASSERT_FALSE(HasFailure()) << "round " << round << ", product " << i;
    }
  }
}

}  // namespace
}  // namespace framelog
