#include "pipeline/record_gate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "tests/fakes/plain_products.hpp"

namespace framelog {
namespace {

using std::chrono::nanoseconds;
using Statistic = StatisticTrigger::Statistic;
using Comparison = StatisticTrigger::Comparison;

constexpr std::uint64_t kSlots = 16;
constexpr double kThreshold = 10;

Ring make_ring() {
  const RingLayout layout{kSlots, 8, plain_products({0, 8}), 1};
  return std::move(Ring::attach(Ring::create_memory(layout).value(), layout).value());
}

struct Frame {
  std::int64_t time_ns{};
  double mean{};
  bool tells{true};          ///< Its product has a result here.
  std::int64_t command{-1};  ///< A signal with this time comes before it; -1: none.
  RecordSignal::Kind kind{};
};

/// What became of the frames: the number of the event that has them, or -1.
struct Outcome {
  std::vector<int> event;
  std::vector<bool> flagged;
};

/// Puts the frames through a gate as the writer does, which looks at `batch` frames at a time.
Outcome pass_through(const RecordPolicy& policy, const std::vector<Frame>& frames,
                     std::uint64_t batch) {
  Ring ring = make_ring();
  RecordGate gate(ring, policy);
  Outcome outcome{std::vector<int>(frames.size(), -1), std::vector<bool>(frames.size())};
  std::uint64_t handled = 0;
  int event = -1;
  const auto handle = [&](std::uint64_t to, bool records) {
    for (; handled < to; ++handled) {
      if (records) outcome.event[handled] = event;
    }
  };
  std::uint64_t looked_at = 0;
  // An earlier frame, where a late signal wants it to be looked at again.
  const auto look = [&](std::uint64_t i) {
    const auto change = gate.look(i, handled);
    if (change.again_from) return *change.again_from;
    if (change.ends) handle(i, true);
    if (change.begins) {
      handle(gate.first_of_event(i, handled), false);
      ++event;
    }
    // A late signal flags an earlier frame.
    for (std::uint64_t each = handled; each <= i; ++each) {
      outcome.flagged[each] = (ring.slot(each).header.info.flags & kFlagTrigger) != 0;
    }
    return i + 1;
  };
  for (std::uint64_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    SlotHeader& header = ring.slot(i).header;
    header = {};
    header.info.sequence = i;
    header.info.monotonic_ns = frame.time_ns;
    header.results[1].emits = frame.tells;
    header.results[1].statistics.mean = frame.mean;
    if (frame.command >= 0) {
      EXPECT_TRUE(gate.signal({frame.kind, frame.command}));
    }
    while (looked_at <= i) looked_at = look(looked_at);
    if ((i + 1) % batch != 0 && i + 1 < frames.size()) continue;
    handle(gate.recording() ? i + 1 : gate.first_to_keep(i + 1, handled), gate.recording());
    EXPECT_LT(i + 1 - handled, kSlots) << "no slot is left for the next frame";
  }
  return outcome;
}

bool is_before_by(const Stretch& before, const std::vector<Frame>& frames, std::size_t frame,
                  std::size_t trigger) {
  if (const auto* count = std::get_if<std::uint64_t>(&before)) return trigger - frame <= *count;
  return frames[trigger].time_ns - frames[frame].time_ns <= std::get<nanoseconds>(before).count();
}

bool is_behind(const Stretch& after, const std::vector<Frame>& frames, std::size_t frame,
               std::size_t trigger) {
  if (const auto* count = std::get_if<std::uint64_t>(&after)) return frame - trigger > *count;
  return frames[frame].time_ns - frames[trigger].time_ns > std::get<nanoseconds>(after).count();
}

/// The same in plain words, with all frames at hand.
Outcome reference_of(const RecordPolicy& policy, const std::vector<Frame>& frames) {
  Outcome outcome{std::vector<int>(frames.size(), -1), std::vector<bool>(frames.size())};
  std::deque<std::int64_t> commands;
  bool recording = false;
  std::size_t begun = 0;
  std::int64_t armed_from_ns = 0;
  std::size_t last_trigger = 0;
  bool held = false;
  int event = -1;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::int64_t now = frames[i].time_ns;
    if (frames[i].command >= 0) commands.push_back(frames[i].command);
    bool commanded = false;
    for (; !commands.empty() && now >= commands.front(); commands.pop_front()) commanded = true;
    const bool holds = policy.trigger && (frames[i].tells ? frames[i].mean > kThreshold : held);
    const bool triggers = commanded || (holds && !held);
    const bool still_holds = policy.extend && holds && held;
    held = holds;
    if (recording) {
      const bool too_long =
          policy.max_event && now - frames[begun].time_ns >= policy.max_event->count();
      if (too_long || (!still_holds && is_behind(policy.after, frames, i, last_trigger))) {
        recording = false;
        armed_from_ns = now + policy.hold_off.count();
      }
    }
    const bool ready = now >= armed_from_ns;
    if (recording && policy.extend && (triggers || holds)) {
      last_trigger = i;
      outcome.flagged[i] = true;
    } else if (!recording && triggers && ready) {
      recording = true;
      begun = last_trigger = i;
      outcome.flagged[i] = true;
      ++event;
      const std::size_t most = kSlots / 4 * 3;
      for (std::size_t k = i; k-- > 0 && i - k <= most && outcome.event[k] < 0;) {
        if (!is_before_by(policy.before, frames, k, i)) break;
        outcome.event[k] = event;
      }
    }
    if (recording) outcome.event[i] = event;
  }
  return outcome;
}

class RandomRecordings {
 public:
  explicit RandomRecordings(unsigned seed) : random_(seed) {}

  std::int64_t below(std::int64_t limit) {
    return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random_);
  }
  Stretch stretch() {
    if (below(2) == 0) return static_cast<std::uint64_t>(below(below(2) == 0 ? 3 : 20));
    return nanoseconds(below(100));
  }
  RecordPolicy policy() {
    RecordPolicy policy;
    policy.start = RecordStart::kTrigger;
    if (below(4) > 0) {
      policy.trigger = {1, Statistic::kMean, Comparison::kAbove, kThreshold};
    }
    policy.before = stretch();
    policy.after = stretch();
    policy.extend = below(2) == 0;
    if (below(2) == 0) policy.hold_off = nanoseconds(below(150));
    if (below(2) == 0) policy.max_event = nanoseconds(1 + below(200));
    return policy;
  }
  std::vector<Frame> frames(std::size_t count) {
    std::vector<Frame> frames(count);
    const std::int64_t tells_of = 1 + below(4);
    const std::int64_t changes_of = 1 + below(12);
    std::int64_t now = below(50);
    bool high = false;
    for (Frame& frame : frames) {
      now += below(30) == 0 ? below(400) : 1 + below(12);
      if (below(changes_of) == 0) high = !high;
      frame = {now, high ? kThreshold + 1 : kThreshold, below(tells_of) == 0, -1, {}};
      if (below(25) == 0) frame.command = std::max(std::int64_t{0}, now + below(60) - 40);
    }
    return frames;
  }

 private:
  std::mt19937 random_;
};

TEST(StatisticTrigger, ComparesTheStatisticThatItNames) {
  const FrameStatistics statistics{1, 2, 3, 4, 5, 6, 7};
  const std::vector<std::pair<Statistic, double>> values{
      {Statistic::kMin, 1}, {Statistic::kMax, 2}, {Statistic::kMean, 3},
      {Statistic::kStd, 4}, {Statistic::kSum, 5}, {Statistic::kSaturated, 6}};
  for (const auto& [statistic, value] : values) {
    for (const double against : {value - 0.5, value, value + 0.5}) {
      const auto holds = [&, kind = statistic](Comparison comparison) {
        return StatisticTrigger{0, kind, comparison, against}.holds(statistics);
      };
      EXPECT_EQ(holds(Comparison::kAbove), value > against);
      EXPECT_EQ(holds(Comparison::kAtLeast), value >= against);
      EXPECT_EQ(holds(Comparison::kBelow), value < against);
      EXPECT_EQ(holds(Comparison::kAtMost), value <= against);
    }
  }
}

TEST(StatisticTrigger, IsNotFulfilledByNaN) {
  FrameStatistics statistics;
  statistics.mean = std::numeric_limits<double>::quiet_NaN();
  for (const auto comparison :
       {Comparison::kAbove, Comparison::kAtLeast, Comparison::kBelow, Comparison::kAtMost}) {
    EXPECT_FALSE((StatisticTrigger{0, Statistic::kMean, comparison, 0}.holds(statistics)));
  }
}

TEST(RecordGate, KeepsWhatAPlainReferenceKeepsOfRandomRecordings) {
  RandomRecordings random(20261121);
  int events = 0;
  for (int round = 0; round < 3000; ++round) {
    const RecordPolicy policy = random.policy();
    const std::vector<Frame> frames = random.frames(150);
    const auto batch = static_cast<std::uint64_t>(1 + random.below(4));
    const Outcome wanted = reference_of(policy, frames);
    const Outcome found = pass_through(policy, frames, batch);
    ASSERT_EQ(found.event, wanted.event) << "round " << round;
    ASSERT_EQ(found.flagged, wanted.flagged) << "round " << round;
    events += *std::ranges::max_element(wanted.event) + 1;
  }
  EXPECT_GT(events, 3000) << "the recordings have hardly any events";
}

/// One frame every 10 ns; the condition holds at those in `high`.
std::vector<Frame> frames_of(std::size_t count, const std::vector<std::size_t>& high) {
  std::vector<Frame> frames(count);
  for (std::size_t i = 0; i < count; ++i) frames[i] = {std::int64_t(i) * 10, 0, true, -1, {}};
  for (const std::size_t i : high) frames[i].mean = kThreshold + 1;
  return frames;
}

RecordPolicy on_threshold() {
  RecordPolicy policy;
  policy.start = RecordStart::kTrigger;
  policy.trigger = {1, Statistic::kMean, Comparison::kAbove, kThreshold};
  return policy;
}

TEST(RecordGate, AProductThatHasNoResultOfAFrameLeavesTheConditionAsItWas) {
  std::vector<Frame> frames = frames_of(12, {3, 6});
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i].tells = i % 3 == 0;
  EXPECT_EQ(pass_through(on_threshold(), frames, 1).event,
            (std::vector<int>{-1, -1, -1, 0, 0, 0, 0, 0, 0, -1, -1, -1}));
}

TEST(RecordGate, ATriggerBehindTheEndOfAnEventIsAnotherEvent) {
  RecordPolicy policy = on_threshold();
  policy.after = std::uint64_t{1};
  const std::vector<Frame> frames = frames_of(8, {2, 4});
  EXPECT_EQ(pass_through(policy, frames, 1).event, (std::vector<int>{-1, -1, 0, 0, 1, 1, -1, -1}));
  policy.hold_off = nanoseconds(1);
  EXPECT_EQ(pass_through(policy, frames, 1).event,
            (std::vector<int>{-1, -1, 0, 0, -1, -1, -1, -1}));
}

TEST(RecordGate, ACommandBeforeAFrameOfTheFutureWaitsForIt) {
  RecordPolicy policy;
  policy.start = RecordStart::kTrigger;
  std::vector<Frame> frames = frames_of(6, {});
  frames[1].command = 35;
  const Outcome outcome = pass_through(policy, frames, 1);
  EXPECT_EQ(outcome.event, (std::vector<int>{-1, -1, -1, -1, 0, -1}));
  EXPECT_EQ(outcome.flagged, (std::vector<bool>{false, false, false, false, true, false}));
}

/// An event of `after` frames behind each signal; the lines are read up to 100 ns late.
RecordPolicy on_lines(std::uint64_t before = 0, std::uint64_t after = 0) {
  RecordPolicy policy;
  policy.start = RecordStart::kTrigger;
  policy.before = before;
  policy.after = after;
  policy.latency = nanoseconds(100);
  return policy;
}

TEST(RecordGate, TwoTriggersWithAFrameBetweenThemAreTwo) {
  // Both come before the writer has looked at any of the frames.
  std::vector<Frame> frames = frames_of(8, {});
  frames[0].command = 15;
  frames[1].command = 45;
  for (const std::uint64_t batch : {1U, 4U, 8U}) {
    EXPECT_EQ(pass_through(on_lines(), frames, batch).event,
              (std::vector<int>{-1, -1, 0, -1, -1, 1, -1, -1}));
  }
}

TEST(RecordGate, ALateTriggerMeansTheFirstFrameOfItsTimeAndThoseBeforeIt) {
  std::vector<Frame> frames = frames_of(12, {});
  frames[9].command = 51;  // Frame 6 is of 60 ns.
  for (const std::uint64_t batch : {1U, 2U, 3U}) {
    const Outcome outcome = pass_through(on_lines(2, 1), frames, batch);
    EXPECT_EQ(outcome.event, (std::vector<int>{-1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1}));
    EXPECT_TRUE(outcome.flagged[6]);
    EXPECT_EQ(std::ranges::count(outcome.flagged, true), 1);
  }
}

TEST(RecordGate, ATriggerThatIsLaterThanItMayBeMeansTheOldestFrameThatIsLeft) {
  std::vector<Frame> frames = frames_of(40, {});
  frames[30].command = 5;
  const Outcome outcome = pass_through(on_lines(), frames, 1);
  EXPECT_EQ(std::ranges::count(outcome.event, 0), 1);
  const auto found = std::ranges::find(outcome.event, 0) - outcome.event.begin();
  EXPECT_GE(found, 18);
  EXPECT_LE(found, 20) << "100 ns are ten frames";
}

TEST(RecordGate, ALateTriggerDuringAnEventLengthensItFromItsOwnFrameOn) {
  std::vector<Frame> frames = frames_of(14, {});
  frames[2].command = 15;
  frames[6].command = 31;  // Frame 4.
  const Outcome outcome = pass_through(on_lines(0, 5), frames, 14);
  EXPECT_TRUE(outcome.flagged[2]);
  EXPECT_TRUE(outcome.flagged[4]);
  EXPECT_EQ(std::ranges::count(outcome.event, 0), 8) << "frames 2 to 9";
}

TEST(RecordGate, RecordsWhileTheGateIsOpen) {
  using Kind = RecordSignal::Kind;
  RecordPolicy policy = on_lines();
  policy.gate = true;
  std::vector<Frame> frames = frames_of(14, {});
  const auto tell = [&](std::size_t before, std::int64_t at_ns, Kind kind) {
    frames[before].command = at_ns;
    frames[before].kind = kind;
  };
  tell(0, 15, Kind::kOpen);
  tell(1, 45, Kind::kClose);
  tell(2, 61, Kind::kOpen);  // Between two frames: nothing is to be recorded.
  tell(3, 62, Kind::kClose);
  tell(9, 81, Kind::kOpen);
  const std::vector<int> wanted{-1, -1, 0, 0, 0, -1, -1, -1, -1, 1, 1, 1, 1, 1};
  for (const std::uint64_t batch : {1U, 2U, 7U}) {
    EXPECT_EQ(pass_through(policy, frames, batch).event, wanted);
  }
  policy.gate = false;
  EXPECT_EQ(std::ranges::max(pass_through(policy, frames, 1).event), -1)
      << "where it is not the condition it means nothing";
}

TEST(RecordGate, AGateThatIsOpenAlreadyLetsTheFirstFrameThrough) {
  RecordPolicy policy = on_lines();
  policy.gate = policy.gate_open = true;
  EXPECT_EQ(pass_through(policy, frames_of(3, {}), 1).event, (std::vector<int>{0, 0, 0}));
}

TEST(RecordGate, SignalsBeyondTheMostAreRefusedAndNoneIsForgotten) {
  Ring ring = make_ring();
  RecordGate gate(ring, on_lines());
  for (std::size_t i = 0; i < PendingSignals::kMost; ++i) {
    ASSERT_TRUE(gate.signal({RecordSignal::Kind::kTrigger, std::int64_t(i)}));
  }
  EXPECT_FALSE(gate.signal({RecordSignal::Kind::kTrigger, 1}));
  for (std::size_t i = 0; i < PendingSignals::kMost; ++i) {
    ASSERT_EQ(gate.pending().front()->monotonic_ns, std::int64_t(i));
    gate.pending().pop();
  }
  EXPECT_FALSE(gate.pending().front());
  EXPECT_TRUE(gate.signal({RecordSignal::Kind::kTrigger, 1}));
}

TEST(RecordGate, KeepsThreeQuartersOfTheRingAtMost) {
  for (std::uint64_t slots = 4; slots < 100; ++slots) {
    EXPECT_LE(RecordGate::most_kept(slots) * 4, slots * 3);
    EXPECT_GE(RecordGate::most_kept(slots) * 4 + 9, slots * 3);
  }
  for (const Stretch& before : {Stretch(std::uint64_t{1000}), Stretch(nanoseconds(1'000'000))}) {
    RecordPolicy policy = on_threshold();
    policy.before = before;
    const Outcome outcome = pass_through(policy, frames_of(60, {50}), 1);
    EXPECT_EQ(std::ranges::count(outcome.event, 0), 13) << "12 of 16 slots, and the trigger";
    EXPECT_EQ(outcome.event[38], 0);
  }
}

TEST(RecordGate, RecordsByScheduleWhatAPlainReferenceRecords) {
  RandomRecordings random(4);
  for (int round = 0; round < 1000; ++round) {
    RecordPolicy policy;
    policy.start = RecordStart::kSchedule;
    policy.repeat = nanoseconds(1 + random.below(100));
    policy.length = nanoseconds(random.below(policy.repeat.count()));
    const std::vector<Frame> frames = random.frames(120);
    std::vector<int> wanted(frames.size(), -1);
    int stretch = -1;
    std::int64_t last = -1;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const std::int64_t since = frames[i].time_ns - frames.front().time_ns;
      const bool first = since / policy.repeat.count() != last;
      last = since / policy.repeat.count();
      if (first) ++stretch;
      if (first || since % policy.repeat.count() < policy.length.count()) wanted[i] = stretch;
    }
    const auto batch = static_cast<std::uint64_t>(1 + random.below(4));
    ASSERT_EQ(pass_through(policy, frames, batch).event, wanted) << "round " << round;
  }
}

TEST(RecordGate, OnlyEventsEndTheirSegments) {
  Ring ring = make_ring();
  EXPECT_TRUE(RecordGate(ring, on_threshold()).rolls_at_end());
  RecordPolicy schedule;
  schedule.start = RecordStart::kSchedule;
  schedule.repeat = nanoseconds(10);
  EXPECT_FALSE(RecordGate(ring, schedule).rolls_at_end());
}

}  // namespace
}  // namespace framelog
