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
    : ring_(ring), policy_(policy) {}

RecordGate::State RecordGate::state() const noexcept {
  State state = state_;
  state.commanded_ns = commanded_ns_.load(std::memory_order_relaxed);
  return state;
}

void RecordGate::take_over(const State& state) noexcept {
  state_ = state;
  commanded_ns_.store(state.commanded_ns, std::memory_order_relaxed);
}

std::uint64_t RecordGate::most_kept(std::uint64_t slots) noexcept {
  return slots / 4 * kKeptOfFour;
}

void RecordGate::trigger(std::int64_t monotonic_ns) noexcept {
  // Orders nothing: the frame that it finds has come through the ring.
  commanded_ns_.store(monotonic_ns, std::memory_order_relaxed);
}

RecordGate::Change RecordGate::look(std::uint64_t sequence) noexcept {
  SlotHeader& header = ring_.slot(sequence).header;
  return policy_.start == RecordStart::kSchedule ? look_scheduled(header.info)
                                                 : look_triggered(header);
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

RecordGate::Change RecordGate::look_triggered(SlotHeader& header) noexcept {
  const FrameInfo& info = header.info;
  const bool held = state_.condition;
  if (policy_.trigger && header.results[policy_.trigger->product].emits) {
    state_.condition = policy_.trigger->holds(header.results[policy_.trigger->product].statistics);
  }
  const bool commanded = is_commanded(info);
  const bool triggered = commanded || (state_.condition && !held);
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
  if (counts) {
    state_.trigger_sequence = info.sequence;
    state_.trigger_ns = info.monotonic_ns;
    header.info.flags |= kFlagTrigger;
  }
  return change;
}

bool RecordGate::is_commanded(const FrameInfo& info) noexcept {
  std::int64_t commanded = commanded_ns_.load(std::memory_order_relaxed);
  if (commanded < 0 || info.monotonic_ns < commanded) return false;
  // A command that came meanwhile is another one, and stays.
  commanded_ns_.compare_exchange_strong(commanded, -1, std::memory_order_relaxed);
  return true;
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
  return first_before(next, ring_.slot(next - 1).header.info.monotonic_ns, oldest);
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
