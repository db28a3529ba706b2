#include <algorithm>
#include <limits>
#include <utility>

#include "pipeline/capture_loop.hpp"

namespace framelog {
namespace {

void count(std::uint32_t& counter, std::uint64_t more) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  counter = static_cast<std::uint32_t>(std::min(kMost, counter + more));
}

}  // namespace

/// The counters are the truth; a slot knows what they were when it was published. What was counted
/// since has not been told by any frame.
void CaptureLoop::take_over() {
  CaptureCounters& counters = ring_.capture_counters();
  received_ = counters.received.load(std::memory_order_relaxed);
  if (received_ == 0) return;
  const auto relaxed = std::memory_order_relaxed;
  std::uint64_t dropped = 0;
  for (const auto& counter : counters.dropped) dropped += counter.load(relaxed);
  // The process died between counting a frame and publishing it.
  const std::uint64_t untold = received_ - captured_ - dropped;
  add(counters.dropped[static_cast<std::size_t>(DropReason::kCrash)], untold);
  static constexpr SlotHeader kNoFrame{};
  const SlotHeader& last = captured_ == 0 ? kNoFrame : ring_.slot(captured_ - 1).header;
  Interruption interruption;
  interruption.reason = DropReason::kNoProcess;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const std::uint64_t lost = counters.dropped[i].load(relaxed) - last.dropped_total[i];
    count(pending_.dropped[i], lost);
    interruption.told += lost;
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    const std::uint64_t lost = counters.lost_at_source[i].load(relaxed) - last.lost_total[i];
    count(pending_.lost_at_source[i], lost);
    interruption.told += lost;
  }
  pending_.duration_ns = 1;
  if (captured_ > 0) {
    interruption.last_source_sequence = last.info.source_sequence;
    interruption.last_monotonic_ns = last.info.monotonic_ns;
    SourceMemory memory;
    std::ranges::transform(ring_.kept_by_capture(), memory.begin(),
                           [](const auto& word) { return word.load(std::memory_order_relaxed); });
    source_.recall(memory, last.info.source_sequence);
  }
  interruption_ = interruption;
}

/// What the hardware delivered while nobody read, as far as it numbers its frames: those would have
/// been received.
void CaptureLoop::count_interruption(const FrameInfo& info) {
  const Interruption before = *std::exchange(interruption_, std::nullopt);
  last_monotonic_ns_ = before.last_monotonic_ns;
  const auto reason = static_cast<std::size_t>(before.reason);
  const bool forward =
      before.last_source_sequence && info.source_sequence > *before.last_source_sequence;
  if (info_.numbered && !info_.renumbers && forward) {
    const std::uint64_t jump = info.source_sequence - *before.last_source_sequence - 1;
    const std::uint64_t lost = jump - std::min(jump, before.told);
    received_ += lost;
    add(ring_.capture_counters().received, lost);
    add(ring_.capture_counters().dropped[reason], lost);
    count(pending_.dropped[reason], lost);
  } else {
    pending_.uncounted |= 1U << reason;
  }
  pending_.duration_ns = 1;  // Set in full when the next frame is published.
}

/// Of a source that knows its first number. A camera that says so and does not keep to it, because
/// it counts from when it was switched on, is found out by its rate.
void CaptureLoop::count_losses_before_first(const FrameInfo& info) {
  constexpr double kMostTimesFaster = 2;
  constexpr double kSpare = 2;
  const auto first = source_.first_expected();
  if (!info_.numbered || reconnected_ || !first || info.source_sequence <= *first) return;
  const std::uint64_t lost = info.source_sequence - *first;
  const double elapsed_s = static_cast<double>(clock_.monotonic_ns() - started_ns_) * 1e-9;
  const double most = kMostTimesFaster * elapsed_s * info_.rate_hz.value_or(0) + kSpare;
  if (info_.rate_hz && static_cast<double>(lost) > most) return;
  constexpr auto kReason = static_cast<std::size_t>(LossReason::kSequenceGap);
  add(ring_.capture_counters().lost_at_source[kReason], lost);
  count(pending_.lost_at_source[kReason], lost);
  pending_.duration_ns = std::max(std::int64_t{1}, info.monotonic_ns - started_ns_);
}

void CaptureLoop::count_source_losses(const FrameInfo& info) {
  last_arrival_ns_ = clock_.monotonic_ns();
  const auto reason = reconnected_ ? LossReason::kDisconnected : LossReason::kSequenceGap;
  const bool forward = last_source_sequence_ && info.source_sequence > *last_source_sequence_;
  if (info_.numbered && forward && !(reconnected_ && info_.renumbers)) {
    const std::uint64_t lost = info.source_sequence - *last_source_sequence_ - 1;
    if (lost > 0) {
      add(ring_.capture_counters().lost_at_source[static_cast<std::size_t>(reason)], lost);
      count(pending_.lost_at_source[static_cast<std::size_t>(reason)], lost);
      pending_.duration_ns = 1;  // Set in full when the next frame is published.
    }
  } else if (reconnected_) {
    pending_.unknown = true;
    pending_.duration_ns = 1;
  }
  reconnected_ = false;
  last_source_sequence_ = info.source_sequence;
}

/// What no frame came to tell of: how many frames a source had that knows its end, and else only
/// that some may be missing.
void CaptureLoop::count_losses_behind_last() {
  const bool ended = end_ == CaptureEnd::kEndOfSource;
  const auto next = last_source_sequence_ ? *last_source_sequence_ + 1 : source_.first_expected();
  const auto end = source_.end_expected();
  if (interruption_) {
    pending_.uncounted |= 1U << static_cast<std::size_t>(interruption_->reason);
    pending_.duration_ns = 1;
  } else if (ended && info_.numbered && !info_.renumbers && next && end) {
    const std::uint64_t lost = *end - std::min(*end, *next);
    const auto reason = reconnected_ ? LossReason::kDisconnected : LossReason::kSequenceGap;
    add(ring_.capture_counters().lost_at_source[static_cast<std::size_t>(reason)], lost);
    count(pending_.lost_at_source[static_cast<std::size_t>(reason)], lost);
    if (lost > 0) pending_.duration_ns = 1;
  } else if (last_source_sequence_ && (ended || end_ == CaptureEnd::kStopped)) {
    const bool away = !health_.source_connected.load(std::memory_order_relaxed);
    if (!reconnected_ && !away) return;
    pending_.unknown = true;
    pending_.duration_ns = 1;
  }
}

void CaptureLoop::drop(DropReason reason, const FrameInfo& info) {
  add(ring_.capture_counters().dropped[static_cast<std::size_t>(reason)], 1);
  count(pending_.dropped[static_cast<std::size_t>(reason)], 1);
  pending_.duration_ns = last_monotonic_ns_ < 0
                             ? 1
                             : std::max(std::int64_t{1}, info.monotonic_ns - last_monotonic_ns_);
}

void CaptureLoop::keep_memory() noexcept {
  const SourceMemory memory = source_.memory();
  Ring::KeptWords& kept = ring_.kept_by_capture();
  for (std::size_t i = 0; i < memory.size(); ++i) {
    kept[i].store(memory[i], std::memory_order_relaxed);
  }
}

}  // namespace framelog
