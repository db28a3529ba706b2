#include "pipeline/write_loop.hpp"

#include <algorithm>

#include "pipeline/pace.hpp"

namespace framelog {
namespace {

/// Larger writes cost less per byte (page pinning, submission), and hold slots longer.
constexpr std::uint64_t kBatchBytes = std::uint64_t{8} << 20U;
constexpr std::uint64_t kMostBatchFrames = 4096;
/// A batch may hold this part of the ring at most, so that capture finds free slots while it is
/// written.
constexpr std::uint64_t kPartOfRing = 4;

/// By what is written, which can be far less than what comes in.
std::uint64_t batch_frames(const RingLayout& layout, const std::vector<SegmentLane*>& lanes) {
  std::uint64_t largest = 1;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::uint64_t own = layout.products[i].bytes;
    if (lanes[i] != nullptr) largest = std::max(largest, own == 0 ? layout.raw_bytes : own);
  }
  const std::uint64_t by_size = kBatchBytes / largest;
  return std::clamp<std::uint64_t>(
      by_size, 1, std::clamp<std::uint64_t>(layout.slots / kPartOfRing, 1, kMostBatchFrames));
}

}  // namespace

WriteLoop::WriteLoop(Ring& ring, const std::vector<SegmentLane*>& lanes, const RecordPolicy& policy,
                     bool took_over, Health& health, const Clock& clock)
    : ring_(ring),
      batch_frames_(batch_frames(ring.layout(), lanes)),
      products_(lanes.size()),
      handled_(ring.written()),
      looked_at_(handled_),
      kept_(ring.kept_by_write()),
      suspect_(ring.suspect(kMostReducers)),
      health_(health),
      clock_(clock) {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (lanes[i] != nullptr) products_[i].emplace(ring, i, *lanes[i], health);
  }
  if (policy.start != RecordStart::kAlways) gate_.emplace(ring, policy);
  in_event_ =
      !gate_ && std::ranges::any_of(lanes, [](SegmentLane* lane) { return lane != nullptr; });
  if (took_over) {
    take_over();
  } else if (gate_) {
    kept_.put({gate_->state(), handled_});
  }
}

void WriteLoop::take_over() {
  count_again();
  left_to_ = ring_.captured();
  // With several frames in its hands nobody knows which one was to blame.
  if (suspect_.deaths > 0) suspicious_to_ = ring_.captured();
  if (!gate_ || kept_.get() == nullptr) return;
  gate_->take_over(kept_.get()->gate);
  looked_at_ = std::max(handled_, kept_.get()->next);
}

/// Of the products without files: the process may have died between counting and freeing the slots.
void WriteLoop::count_again() {
  for (std::size_t i = 0; i < products_.size(); ++i) {
    const Unrecorded* kept = KeptState<Unrecorded>(ring_.kept(i)).get();
    if (products_[i] || kept == nullptr) continue;
    ProductCounters& counters = ring_.product_counters(i);
    counters.skipped = kept->skipped;
    counters.not_recorded = kept->not_recorded;
    counters.dropped[static_cast<std::size_t>(DropReason::kCrash)] = kept->lost;
  }
}

std::uint64_t WriteLoop::most_at_once() const noexcept {
  return handled_ < suspicious_to_ ? 1 : batch_frames_;
}

void WriteLoop::run() {
  std::uint64_t next = looked_at_;
  if (gate_) flush_looked_at(next);
  Pace pace(ring_, Stage::kWrite);
  while (pace.wait(next, kNoDeadline)) {
    const std::uint64_t there = ring_.end_of(Stage::kWrite) - next;
    const std::uint64_t to = next + ring_.contiguous(next, std::min(there, batch_frames_));
    if (gate_) {
      health_.write.begin(clock_.monotonic_ns());
      while (next < to) next = look(next);
      kept_.put({gate_->state(), next});
      flush_looked_at(next);
    } else {
      flush(to, Action::kRecord);
      next = to;
    }
    health_.write.rest(clock_.monotonic_ns());
  }
  looked_at_ = next;
}

void WriteLoop::run_to(std::uint64_t to) {
  if (!gate_) {
    flush(to, Action::kRecord);
    return;
  }
  while (looked_at_ < to) looked_at_ = look(looked_at_);
  flush_looked_at(to);
}

/// Of what the gate has seen: an event, or what can no longer become part of one.
void WriteLoop::flush_looked_at(std::uint64_t next) {
  const bool recording = gate_->recording();
  in_event_.store(recording, std::memory_order_relaxed);  // Orders nothing: for status.
  flush(recording ? next : gate_->first_to_keep(next, handled_),
        recording ? Action::kRecord : Action::kPass);
}

/// What changes with a frame is done before the next one is looked at. The process after looks at
/// this frame again, and finds the same. Returns the next frame to look at.
std::uint64_t WriteLoop::look(std::uint64_t sequence) {
  const RecordGate::State before = gate_->state();
  const RecordGate::Change change = gate_->look(sequence, handled_);
  if (change.again_from) return *change.again_from;
  if (change.any()) kept_.put({before, sequence});
  if (change.ends) {
    flush(sequence, Action::kRecord);
    for (auto& product : products_) {
      if (product && gate_->rolls_at_end()) product->end_event();
    }
  }
  if (change.begins) flush(gate_->first_of_event(sequence, handled_), Action::kPass);
  return sequence + 1;
}

/// The frames up to `to`, in pieces that lie one behind the other in memory.
void WriteLoop::flush(std::uint64_t to, Action action) {
  while (handled_ < to) {
    const std::uint64_t end =
        handled_ + ring_.contiguous(handled_, std::min(to - handled_, most_at_once()));
    const bool kills = suspect_.deaths >= kMostDeaths && suspect_.sequence == handled_;
    if (!kills) ring_.take_in_hand(kMostReducers, handled_);
    health_.write.begin(clock_.monotonic_ns());
    handle(handled_, end, kills ? Action::kLose : action);
    ring_.advance_written(end);
    // Any progress counts: a row of short lives that write a little each is no ring that kills.
    if (handled_ < left_to_) ring_.settle();
    handled_ = end;
  }
  ring_.put_down(kMostReducers);
}

void WriteLoop::handle(std::uint64_t from, std::uint64_t to, Action action) {
  // Asked for a batch, so that frames pay nothing for it.
  if (roll_.load(std::memory_order_relaxed) && roll_.exchange(false, std::memory_order_relaxed)) {
    for (auto& product : products_) {
      if (product) product->roll();
    }
  }
  for (std::size_t i = 0; i < products_.size(); ++i) {
    if (!products_[i]) {
      count_unrecorded(i, from, to);
    } else if (action == Action::kRecord) {
      products_[i]->write(from, to);
    } else if (action == Action::kPass) {
      products_[i]->pass(from, to);
    } else {
      products_[i]->lose(from, to);
    }
  }
}

/// Of a product without files: what was left out before is counted as that.
void WriteLoop::count_unrecorded(std::size_t product, std::uint64_t from, std::uint64_t to) {
  KeptState<Unrecorded> kept(ring_.kept(product));
  from = std::max(from, kept.get() == nullptr ? 0 : kept.get()->done_to);
  if (from >= to) return;
  std::uint64_t skipped = 0;
  std::uint64_t lost = 0;
  for (std::uint64_t sequence = from; sequence < to; ++sequence) {
    const ProductResult& result = ring_.slot(sequence).header.results[product];
    if (result.outcome == FrameOutcome::kSkipped) ++skipped;
    if (result.outcome == FrameOutcome::kLost) ++lost;
  }
  ProductCounters& counters = ring_.product_counters(product);
  add(counters.skipped, skipped);
  add(counters.dropped[static_cast<std::size_t>(DropReason::kCrash)], lost);
  add(counters.not_recorded, to - from - skipped - lost);
  kept.put({to, counters.skipped, counters.not_recorded,
            counters.dropped[static_cast<std::size_t>(DropReason::kCrash)]});
}

void WriteLoop::settle() {
  for (auto& product : products_) {
    if (product) product->settle_tail(!gate_ || gate_->recording());
  }
  if (handled_ >= left_to_) ring_.settle();
}

bool WriteLoop::signal(RecordSignal signal) { return !gate_ || gate_->signal(signal); }

void WriteLoop::give_signals_to(WriteLoop& next) {
  if (!gate_) return;
  PendingSignals& pending = gate_->pending();
  for (auto signal = pending.front(); signal; signal = pending.front()) {
    static_cast<void>(next.signal(*signal));  // It has as much room.
    pending.pop();
  }
}

void WriteLoop::roll() noexcept { roll_.store(true, std::memory_order_relaxed); }

bool WriteLoop::in_event() const noexcept { return in_event_.load(std::memory_order_relaxed); }

void WriteLoop::finish(const LossBefore& tail, std::optional<std::uint64_t> received_total,
                       std::string_view reason) {
  // What was kept for an event that did not come.
  flush(ring_.reduced(), Action::kPass);
  health_.write.begin(clock_.monotonic_ns());
  for (auto& product : products_) {
    if (product) product->stop(tail, received_total, reason, !gate_ || gate_->recording());
  }
  health_.write.rest(clock_.monotonic_ns());
}

}  // namespace framelog
