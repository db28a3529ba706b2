#include <algorithm>
#include <utility>

#include "pipeline/product_writer.hpp"

// What a writer keeps for the process after, and does with what it finds.
namespace framelog {

const WriterState* ProductWriter::left_behind(Ring& ring, std::size_t product) noexcept {
  return KeptState<WriterState>(ring.kept(product)).get();
}

void ProductWriter::take_over() {
  state_ = *kept_.get();
  const WriterState::Counters& counters = state_.counters;
  const auto restore = [](std::atomic<std::uint64_t>& counter, std::uint64_t value) {
    counter.store(value, std::memory_order_relaxed);
  };
  restore(counters_.recorded, counters.recorded);
  restore(counters_.bytes, counters.bytes);
  restore(counters_.merged, counters.merged);
  restore(counters_.skipped, counters.skipped);
  restore(counters_.not_recorded, counters.not_recorded);
  restore(counters_.segments, counters.segments);
  restore(counters_.clipped_pixels, counters.clipped_pixels);
  for (std::size_t i = 0; i < kDropReasons; ++i) restore(counters_.dropped[i], counters.dropped[i]);
  in_file_to_ = lane_.in_file_to();
  if (state_.segment < 0) return;
  segment_ = lane_.active(state_.segment);
  if (segment_ != nullptr) {
    segment_->accounting = state_.accounting;
    return;
  }
  if (lane_.opened() < state_.segment) {  // It had no frame, and is gone.
    add(counters_.segments, std::uint64_t{0} - 1);
    state_.numbered = lane_.opened();
  }
  // It was ended: what follows belongs to the next one.
  state_.received_before = state_.received_here;
  state_.segment = -1;
}

/// From here on the process after goes on. Called between two steps, when all numbers agree.
void ProductWriter::keep() {
  const auto value = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  WriterState::Counters& counters = state_.counters;
  counters.recorded = value(counters_.recorded);
  counters.bytes = value(counters_.bytes);
  counters.merged = value(counters_.merged);
  counters.skipped = value(counters_.skipped);
  counters.not_recorded = value(counters_.not_recorded);
  counters.segments = value(counters_.segments);
  counters.clipped_pixels = value(counters_.clipped_pixels);
  for (std::size_t i = 0; i < kDropReasons; ++i) counters.dropped[i] = value(counters_.dropped[i]);
  if (segment_ != nullptr) state_.accounting = segment_->accounting;
  kept_.put(state_);
}

/// A process that died here may have been ahead of what it kept: the first of `items` that its last
/// file holds already.
std::size_t ProductWriter::in_file(Items items) const noexcept {
  std::size_t count = 0;
  while (count < items.size() && std::cmp_less(items[count].info->sequence, in_file_to_)) {
    ++count;
  }
  return count;
}

/// Frames that the slot disposes of: its own, or those of the group that it holds.
std::uint64_t ProductWriter::frames_in(std::uint64_t sequence) const noexcept {
  const ProductResult& result = ring_.slot(sequence).header.results[product_];
  const std::uint64_t lost = result.outcome == FrameOutcome::kLost ? result.lost : 0;
  if (groups_) return lost + (result.emits ? ring_.group_result(sequence, product_).frames : 0);
  return result.outcome == FrameOutcome::kFrame ? 1 : lost;
}

void ProductWriter::lose(std::uint64_t from, std::uint64_t to) {
  from = std::max(from, state_.done_to);
  for (; from < to; ++from) {
    const SlotHeader& header = ring_.slot(from).header;
    const std::uint64_t frames = frames_in(from);
    constexpr auto kReason = static_cast<std::size_t>(DropReason::kCrash);
    add(counters_.dropped[kReason], frames);
    state_.pending.by_write[kReason] += frames;
    state_.pending.take(header.before);
    if (header.results[product_].outcome == FrameOutcome::kSkipped) {
      count_passed(1, &PassedOver::skipped);
    }
    state_.received_slot = header.received_total;
    state_.done_to = from + 1;
    keep();
  }
}

void ProductWriter::record_tail(bool recording) {
  const Ring::Tail cut = ring_.tail(product_);
  const std::uint64_t last = cut.group.info.sequence;
  if (cut.group.frames == 0) return;
  if (last >= state_.tail_to) {
    if (recording) {
      items_[0] = {&cut.group.info,
                   &cut.result,
                   nullptr,
                   cut.pixels,
                   cut.packed,
                   cut.detectors,
                   cut.group.first_monotonic_ns,
                   state_.received_slot,
                   last + 1,
                   cut.group.frames,
                   state_.group_flags};
      record(Items(items_).first(1));
    } else {
      count_passed(cut.group.frames, &PassedOver::not_recorded);
    }
    state_.tail_to = last + 1;
    keep();
  }
  cut.group.frames = 0;
}

void ProductWriter::settle_tail(bool recording) {
  if (!groups_ || ring_.tail(product_).group.frames == 0) return;
  const std::uint64_t to = ring_.tail(product_).group.info.sequence + 1;
  if (recording) {
    write(state_.done_to, to);
  } else {
    pass(state_.done_to, to);
  }
  record_tail(recording);
}

}  // namespace framelog
