#include "drivers/frame_schedule.hpp"

#include <algorithm>
#include <limits>

namespace framelog {
namespace {

// 73 years: what a script puts beyond them is due then, so that no sum of times overflows.
constexpr std::int64_t kHorizonNs = std::numeric_limits<std::int64_t>::max() / 4;

std::int64_t offset_ns(std::uint64_t sequence, std::int64_t period_ns) noexcept {
  if (period_ns == 0) return 0;
  const auto horizon = static_cast<std::uint64_t>(kHorizonNs / period_ns);
  return static_cast<std::int64_t>(std::min(sequence, horizon)) * period_ns;
}

}  // namespace

FrameSchedule::FrameSchedule(std::int64_t period_ns, const std::vector<Fault>& faults)
    : period_ns_(period_ns) {
  for (const Fault& fault : faults) {
    if (fault.kind == FaultKind::kLose) losses_.push_back(fault);
    if (fault.kind == FaultKind::kStall) stalls_.push_back(fault);
  }
}

void FrameSchedule::restart(std::int64_t now_ns) noexcept {
  rewind();
  ready_ns_ = now_ns;
  if (period_ns_ > 0 || !started_) {
    epoch_ns_ = now_ns - offset_ns(next_, period_ns_) - stalled_ns_;
  }
  started_ = true;
}

void FrameSchedule::resume(std::int64_t now_ns, std::uint64_t at_least) noexcept {
  rewind();
  next_ = std::max(next_, at_least);
  ready_ns_ = now_ns;
  if (period_ns_ > 0) lose_until(now_ns);
}

void FrameSchedule::advance(std::int64_t now_ns) noexcept {
  if (period_ns_ == 0) {
    if (count_ > 0) return;
    pass_faults(now_ns);
    if (ready_ns_ > now_ns) return;
    buffer_[0] = {next_++, now_ns};
    first_ = 0;
    count_ = 1;
    return;
  }
  while (count_ < kPending) {
    pass_faults(now_ns);
    if (next_due_ns() > now_ns) return;
    buffer_[(first_ + count_) % kPending] = {next_, next_due_ns()};
    ++count_;
    ++next_;
  }
  lose_until(now_ns);
}

const Arrival* FrameSchedule::front() const noexcept {
  return count_ == 0 ? nullptr : &buffer_[first_];
}

void FrameSchedule::pop() noexcept {
  first_ = (first_ + 1) % kPending;
  --count_;
}

std::uint64_t FrameSchedule::next_sequence() const noexcept {
  return count_ == 0 ? next_ : buffer_[first_].sequence;
}

std::int64_t FrameSchedule::next_due_ns() const noexcept {
  if (period_ns_ == 0) return ready_ns_;
  return epoch_ns_ + offset_ns(next_, period_ns_) + stalled_ns_;
}

// Steps over the frames that are never to arrive, and into the stalls that begin before the next
// one.
void FrameSchedule::pass_faults(std::int64_t now_ns) noexcept {
  for (const Fault& loss : losses_) {
    if (loss.at <= next_ && next_ < loss.at + loss.frames) next_ = loss.at + loss.frames;
  }
  for (; next_stall_ < stalls_.size() && stalls_[next_stall_].at <= next_; ++next_stall_) {
    stalled_ns_ += stalls_[next_stall_].length.count();
    ready_ns_ = std::max(ready_ns_, now_ns) + stalls_[next_stall_].length.count();
  }
}

// In one step per stall, for a reader may be late by days.
void FrameSchedule::lose_until(std::int64_t now_ns) noexcept {
  for (pass_faults(now_ns); next_due_ns() <= now_ns; pass_faults(now_ns)) {
    std::uint64_t past_due =
        next_ + static_cast<std::uint64_t>((now_ns - next_due_ns()) / period_ns_) + 1;
    if (next_stall_ < stalls_.size()) past_due = std::min(past_due, stalls_[next_stall_].at);
    next_ = past_due;
  }
}

void FrameSchedule::rewind() noexcept {
  next_ = next_sequence();
  count_ = 0;
}

}  // namespace framelog
