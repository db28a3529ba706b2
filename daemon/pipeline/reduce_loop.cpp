#include "pipeline/reduce_loop.hpp"

#include <algorithm>

#include "pipeline/pace.hpp"

namespace framelog {
namespace {

/// What is one piece of work for the watchdog: about a millisecond, so that tiny frames do not cost
/// a look at the clock each.
constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMostPieceFrames = 1024;

}  // namespace

ReduceLoop::ReduceLoop(Ring& ring, const std::vector<ProductReduction>& products,
                       std::uint32_t index, Health& health, const Clock& clock)
    : ring_(ring),
      index_(index),
      stride_(ring.layout().in_order() ? 1 : ring.layout().reducers),
      health_(health.reduce[index]),
      clock_(clock),
      suspect_(ring.suspect(index)) {
  for (std::size_t i = 0; i < products.size(); ++i) {
    if (!ring.layout().products[i].accumulates()) {
      frames_.push_back({i, products[i], Reducer(products[i].plan), FrameCompletion(products[i])});
    } else if (i % ring.layout().reducers == index) {
      grouped_.emplace_back(products[i].plan);
      groups_.emplace_back(ring, i, products[i], grouped_.back());
    }
  }
}

void ReduceLoop::run() {
  run_frames();
  if (!ring_.paused()) finish();
  ring_.reducer_done();
}

void ReduceLoop::finish() {
  for (FrameGroup& group : groups_) group.finish();
}

/// The first frame of this reducer that is not done.
std::uint64_t ReduceLoop::next() const noexcept {
  const std::uint64_t next = ring_.reduced_by(index_);
  return next + (stride_ + index_ % stride_ - next % stride_) % stride_;
}

void ReduceLoop::run_frames() {
  std::uint64_t next = this->next();
  const std::uint64_t piece = frames_at_once();
  Pace pace(ring_, Stage::kReduce);
  while (!ring_.paused() && pace.wait(next, kNoDeadline)) {
    const std::uint64_t end = ring_.end_of(Stage::kReduce);
    while (next < end && !ring_.paused()) {
      health_.begin(clock_.monotonic_ns());
      const std::uint64_t piece_end = std::min(end, next + piece * stride_);
      for (; next < piece_end && !ring_.paused(); next += stride_) {
        reduce(next);
        ring_.advance_reduced(index_, next + stride_);
      }
    }
    ring_.put_down(index_);
    health_.rest(clock_.monotonic_ns());
  }
}

void ReduceLoop::run_to(std::uint64_t to) {
  for (std::uint64_t next = this->next(); next < to; next += stride_) {
    reduce(next);
    ring_.advance_reduced(index_, next + stride_);
  }
  ring_.put_down(index_);
}

std::uint64_t ReduceLoop::frames_at_once() const noexcept {
  const std::uint64_t frame_bytes = std::max<std::uint64_t>(ring_.layout().raw_bytes, 1);
  return std::clamp<std::uint64_t>(kPieceBytes / frame_bytes, 1, kMostPieceFrames);
}

void ReduceLoop::reduce(std::uint64_t sequence) noexcept {
  ring_.take_in_hand(index_, sequence);
  if (suspect_.deaths >= kMostDeaths && suspect_.sequence == sequence) {
    lose(sequence);
    return;
  }
  if (sequence % ring_.layout().reducers == index_) {
    for (Product& product : frames_) reduce_product(product, sequence);
  }
  for (FrameGroup& group : groups_) group.take(sequence);
}

void ReduceLoop::lose(std::uint64_t sequence) noexcept {
  if (sequence % ring_.layout().reducers == index_) {
    for (const Product& product : frames_) {
      const SlotHeader& header = ring_.slot(sequence).header;
      ProductResult& result = ring_.slot(sequence).header.results[product.index];
      const bool skipped = is_skipped(product.reduction, header.info);
      result.outcome = skipped ? FrameOutcome::kSkipped : FrameOutcome::kLost;
      result.emits = false;
      result.lost = 1;
    }
  }
  for (FrameGroup& group : groups_) group.lose(sequence, suspect_.deaths > kMostDeaths);
}

void ReduceLoop::reduce_product(Product& product, std::uint64_t sequence) noexcept {
  const Slot slot = ring_.slot(sequence);
  const std::size_t i = product.index;
  ProductResult& result = slot.header.results[i];
  if (is_skipped(product.reduction, slot.header.info)) {
    result.outcome = FrameOutcome::kSkipped;
    result.emits = false;
    return;
  }
  const auto output = ring_.product(sequence, i);
  const bool own_bytes = ring_.layout().products[i].bytes != 0;
  result.outcome = FrameOutcome::kFrame;
  result.statistics = product.reducer.run(slot.raw, own_bytes ? output : std::span<std::byte>{});
  if (own_bytes && product.reduction.plan.identity) std::ranges::copy(slot.raw, output.begin());
  product.completion.run(output, ring_.packed(sequence, i), ring_.detectors(sequence, i), result);
}

}  // namespace framelog
