#include "pipeline/record_gate.hpp"

#include <algorithm>

namespace framelog {
namespace {

/// The rest of the slots is for frames that come while the writer is at work.
constexpr std::uint64_t kKeptOfFour = 3;

double value_of(StatisticTrigger::Statistic statistic, const FrameStatistics& of) noexcept {
  using enum StatisticTrigger::Statistic;
  switch (statistic) {
    case kMin:
      return of.min;
    case kMax:
      return of.max;
    case kMean:
      return of.mean;
    case kStd:
      return of.std;
    case kSum:
      return of.sum;
    case kSaturated:
      return of.saturated;
  }
  return 0;
}

}  // namespace

bool StatisticTrigger::holds(const FrameStatistics& statistics) const noexcept {
  const double found = value_of(statistic, statistics);
  switch (comparison) {
    case Comparison::kAbove:
      return found > value;
    case Comparison::kAtLeast:
      return found >= value;
    case Comparison::kBelow:
      return found < value;
    case Comparison::kAtMost:
      return found <= value;
  }
  return false;
}

RecordGate::RecordGate(Ring& ring, const RecordPolicy& policy) noexcept
    : ring_(ring), policy_(policy) {
  if (policy.gate && policy.gate_open) static_cast<void>(signal({RecordSignal::Kind::kOpen, 0}));
}

RecordGate::State RecordGate::state() const noexcept {
  State state = state_;
  const auto first = signals_.front();
  state.commanded_ns = first ? first->monotonic_ns : -1;
  if (first) state.commanded_kind = first->kind;
  return state;
}

void RecordGate::take_over(const State& state) noexcept {
  state_ = state;
  while (signals_.front()) signals_.pop();
  if (state.commanded_ns >= 0) {
    static_cast<void>(signal({state.commanded_kind, state.commanded_ns}));
  }
}

std::uint64_t RecordGate::most_kept(std::uint64_t slots) noexcept {
  return slots / 4 * kKeptOfFour;
}

RecordGate::Change RecordGate::look(std::uint64_t sequence, std::uint64_t oldest) noexcept {
  SlotHeader& header = ring_.slot(sequence).header;
  if (policy_.start == RecordStart::kSchedule) return look_scheduled(header.info);
  if (const auto missed = missed_frame(sequence, oldest)) return {false, false, missed};
  return look_triggered(header, oldest);
}

/// The first frame of that time or later, at most `sequence`.
std::uint64_t RecordGate::frame_of(std::int64_t time_ns, std::uint64_t sequence,
                                   std::uint64_t oldest) noexcept {
  while (sequence > oldest && ring_.slot(sequence - 1).header.info.monotonic_ns >= time_ns) {
    --sequence;
  }
  return sequence;
}

/// The frame at which a late signal would have begun an event.
std::optional<std::uint64_t> RecordGate::missed_frame(std::uint64_t sequence,
                                                      std::uint64_t oldest) noexcept {
  if (policy_.latency.count() == 0 || state_.recording) return std::nullopt;
  const auto first = signals_.front();
  if (!first || first->kind == RecordSignal::Kind::kClose) return std::nullopt;
  const std::uint64_t frame = frame_of(first->monotonic_ns, sequence, oldest);
  if (frame == sequence) return std::nullopt;
  return frame;
}

RecordGate::Change RecordGate::look_scheduled(const FrameInfo& info) noexcept {
  if (!state_.anchor_ns) state_.anchor_ns = info.monotonic_ns;
  const std::int64_t since = info.monotonic_ns - *state_.anchor_ns;
  const std::int64_t interval = since / policy_.repeat.count();
  const bool was_recording = state_.recording;
  const bool within = since % policy_.repeat.count() < policy_.length.count();
  // However late, each interval has its first frame.
  state_.recording = interval != state_.interval || within;
  const bool begins = state_.recording && (!was_recording || interval != state_.interval);
  state_.interval = std::max(interval, state_.interval);
  return {was_recording && (begins || !state_.recording), begins};
}

RecordGate::Change RecordGate::look_triggered(SlotHeader& header, std::uint64_t oldest) noexcept {
  const FrameInfo& info = header.info;
  const bool held = state_.condition;
  if (policy_.trigger && header.results[policy_.trigger->product].emits) {
    state_.condition = policy_.trigger->holds(header.results[policy_.trigger->product].statistics);
  }
  const auto commanded_ns = take_signals(info);
  const bool triggered = commanded_ns || (state_.condition && !held);
  Change change;
  if (state_.recording && is_over(info, policy_.extend && state_.condition && held)) {
    state_.recording = false;
    change.ends = true;
    state_.armed_from_ns = info.monotonic_ns + policy_.hold_off.count();
  }
  bool counts = state_.recording && policy_.extend && (triggered || state_.condition);
  if (!state_.recording && triggered &&
      (!state_.armed_from_ns || info.monotonic_ns >= *state_.armed_from_ns)) {
    state_.recording = change.begins = counts = true;
    state_.begun_ns = info.monotonic_ns;
  }
  if (counts) mark_trigger(trigger_frame(info.sequence, commanded_ns, change, oldest));
  return change;
}

/// Of a late signal during an event an earlier frame, as far as it is not written yet.
std::uint64_t RecordGate::trigger_frame(std::uint64_t sequence,
                                        std::optional<std::int64_t> commanded_ns,
                                        const Change& change, std::uint64_t oldest) noexcept {
  const bool late = policy_.latency.count() > 0 && commanded_ns && !change.any();
  if (!late || state_.condition) return sequence;
  return frame_of(*commanded_ns, sequence, std::max(oldest, state_.trigger_sequence));
}

void RecordGate::mark_trigger(std::uint64_t sequence) noexcept {
  FrameInfo& info = ring_.slot(sequence).header.info;
  state_.trigger_sequence = info.sequence;
  state_.trigger_ns = info.monotonic_ns;
  info.flags |= kFlagTrigger;
}

/// Those of the frame's time and before; the time of the last trigger among them. A gate that has
/// opened and closed between two frames has let none through.
std::optional<std::int64_t> RecordGate::take_signals(const FrameInfo& info) noexcept {
  std::optional<std::int64_t> triggered;
  for (auto next = signals_.front(); next && next->monotonic_ns <= info.monotonic_ns;
       next = signals_.front()) {
    using enum RecordSignal::Kind;
    if (next->kind == kTrigger) {
      triggered = next->monotonic_ns;
    } else if (policy_.gate) {
      state_.condition = next->kind == kOpen;
    }
    signals_.pop();
  }
  return triggered;
}

bool RecordGate::is_over(const FrameInfo& info, bool still_holds) const noexcept {
  if (policy_.max_event && info.monotonic_ns - state_.begun_ns >= policy_.max_event->count())
    return true;
  if (still_holds) return false;
  if (const auto* frames = std::get_if<std::uint64_t>(&policy_.after)) {
    return info.sequence - state_.trigger_sequence > *frames;
  }
  return info.monotonic_ns - state_.trigger_ns >
         std::get<std::chrono::nanoseconds>(policy_.after).count();
}

std::uint64_t RecordGate::first_of_event(std::uint64_t sequence, std::uint64_t oldest) noexcept {
  return first_before(sequence, ring_.slot(sequence).header.info.monotonic_ns, oldest);
}

std::uint64_t RecordGate::first_to_keep(std::uint64_t next, std::uint64_t oldest) noexcept {
  if (next == oldest) return oldest;
  const std::int64_t newest_ns = ring_.slot(next - 1).header.info.monotonic_ns;
  const std::uint64_t most = most_kept(ring_.slots());
  const std::uint64_t bound = std::max(oldest, next - std::min(next, most));
  const std::uint64_t trigger = policy_.latency.count() == 0
                                    ? next
                                    : frame_of(newest_ns - policy_.latency.count(), next, bound);
  return std::max(bound, first_before(trigger, newest_ns - policy_.latency.count(), oldest));
}

std::uint64_t RecordGate::first_before(std::uint64_t sequence, std::int64_t trigger_ns,
                                       std::uint64_t oldest) noexcept {
  if (policy_.start == RecordStart::kSchedule) return sequence;
  const std::uint64_t most = most_kept(ring_.slots());
  std::uint64_t first = std::max(oldest, sequence - std::min(sequence, most));
  if (const auto* frames = std::get_if<std::uint64_t>(&policy_.before)) {
    return std::max(first, sequence - std::min(sequence, *frames));
  }
  const std::int64_t from_ns =
      trigger_ns - std::get<std::chrono::nanoseconds>(policy_.before).count();
  while (first < sequence && ring_.slot(first).header.info.monotonic_ns < from_ns) ++first;
  return first;
}

}  // namespace framelog
