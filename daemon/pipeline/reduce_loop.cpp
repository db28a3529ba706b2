#include "pipeline/reduce_loop.hpp"

#include <algorithm>

#include "pipeline/pace.hpp"

namespace framelog {

ReduceLoop::ReduceLoop(Ring& ring, const std::vector<ProductReduction>& products,
                       std::uint32_t index, Health& health, const Clock& clock)
    : ring_(ring),
      index_(index),
      stride_(ring.layout().in_order() ? 1 : ring.layout().reducers),
      health_(health),
      clock_(clock) {
  for (std::size_t i = 0; i < products.size(); ++i) {
    if (!ring.layout().products[i].accumulates()) {
      frames_.push_back({i, products[i], Reducer(products[i].plan)});
    } else if (i % ring.layout().reducers == index) {
      grouped_.push_back({i, products[i], Reducer(products[i].plan)});
      groups_.emplace_back(ring, i, products[i], grouped_.back().reducer);
    }
  }
}

void ReduceLoop::run() {
  run_frames();
  for (FrameGroup& group : groups_) group.finish();
  ring_.reducer_done();
}

void ReduceLoop::run_frames() {
  // The first frame of this reducer that is not done.
  std::uint64_t next = ring_.reduced_by(index_);
  next += (stride_ + index_ % stride_ - next % stride_) % stride_;
  Pace pace(ring_, Stage::kReduce);
  while (pace.wait(next, kNoDeadline)) {
    health_.reduce.begin(clock_.monotonic_ns());
    const std::uint64_t end = ring_.end_of(Stage::kReduce);
    for (; next < end; next += stride_) {
      reduce(next);
      ring_.advance_reduced(index_, next + stride_);
    }
    health_.reduce.rest();
  }
}

void ReduceLoop::reduce(std::uint64_t sequence) noexcept {
  if (sequence % ring_.layout().reducers == index_) {
    for (Product& product : frames_) reduce_product(product, sequence);
  }
  for (FrameGroup& group : groups_) group.take(sequence);
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
  complete(product.reduction, output, ring_.detectors(sequence, i), result);
}

}  // namespace framelog
