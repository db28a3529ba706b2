#include "pipeline/reduce_loop.hpp"

#include <algorithm>

#include "core/crc32c.hpp"
#include "pipeline/pace.hpp"

namespace framelog {
namespace {

void swap_bytes(std::span<std::byte> pixels, std::size_t pixel_bytes) noexcept {
  for (std::size_t at = 0; at + pixel_bytes <= pixels.size(); at += pixel_bytes) {
    std::ranges::reverse(pixels.subspan(at, pixel_bytes));
  }
}

}  // namespace

ReduceLoop::ReduceLoop(Ring& ring, const std::vector<ProductReduction>& products,
                       std::uint32_t index, Health& health, const Clock& clock)
    : ring_(ring), products_(products), index_(index), health_(health), clock_(clock) {
  for (const ProductReduction& product : products) reducers_.emplace_back(product.plan);
}

void ReduceLoop::run() {
  const std::uint32_t stride = ring_.layout().reducers;
  // The first frame of this reducer that is not done.
  std::uint64_t next = ring_.reduced_by(index_);
  next += (stride + index_ - next % stride) % stride;
  Pace pace(ring_, Stage::kReduce);
  while (pace.wait(next, kNoDeadline)) {
    health_.reduce.begin(clock_.monotonic_ns());
    const std::uint64_t end = ring_.end_of(Stage::kReduce);
    for (; next < end; next += stride) {
      reduce(next);
      ring_.advance_reduced(index_, next + stride);
    }
    health_.reduce.rest();
  }
}

void ReduceLoop::reduce(std::uint64_t sequence) noexcept {
  const Slot slot = ring_.slot(sequence);
  for (std::size_t i = 0; i < reducers_.size(); ++i) {
    const bool own_bytes = ring_.layout().product_bytes[i] != 0;
    const auto output = ring_.product(sequence, i);
    ProductResult& result = slot.header.results[i];
    result.statistics = reducers_[i].run(slot.raw, own_bytes ? output : std::span<std::byte>{});
    if (products_[i].big_endian) {
      if (products_[i].plan.identity) std::ranges::copy(slot.raw, output.begin());
      swap_bytes(output, size_bytes(products_[i].plan.output.type));
    }
    result.crc32c = crc32c(output);
  }
}

}  // namespace framelog
