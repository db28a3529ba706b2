#include "pipeline/product_reduction.hpp"

#include <algorithm>

#include "core/crc32c.hpp"
#include "reduce/accumulator.hpp"

namespace framelog {

void swap_bytes(std::span<std::byte> pixels, std::size_t pixel_bytes) noexcept {
  for (std::size_t at = 0; at + pixel_bytes <= pixels.size(); at += pixel_bytes) {
    std::ranges::reverse(pixels.subspan(at, pixel_bytes));
  }
}

ProductLayout layout_of(const ProductReduction& reduction) noexcept {
  const ReductionPlan& plan = reduction.plan;
  ProductLayout layout;
  layout.bytes = plan.identity && !reduction.big_endian ? 0 : size_bytes(plan.output);
  const bool packs = reduction.compression.codec != Codec::kNone;
  layout.packed_bytes = packs ? size_bytes(plan.output) : 0;
  layout.detectors = static_cast<std::uint32_t>(reduction.detectors.size());
  layout.group_bytes = plan.accumulate > 1 ? Accumulator::memory_bytes(plan) : 0;
  return layout;
}

bool is_skipped(const ProductReduction& reduction, const FrameInfo& info) noexcept {
  if (info.sequence % reduction.keep_every != 0) return true;
  return reduction.scan && is_flyback(*reduction.scan, info.source_sequence);
}

FrameCompletion::FrameCompletion(const ProductReduction& reduction)
    : reduction_(reduction), encoder_(make_encoder(reduction.compression, reduction.plan.output)) {}

void FrameCompletion::run(std::span<std::byte> pixels, std::span<std::byte> packed,
                          std::span<double> detectors, ProductResult& result) noexcept {
  if (!detectors.empty()) reduction_.detectors.sum(pixels, detectors);
  if (reduction_.big_endian) swap_bytes(pixels, size_bytes(reduction_.plan.output.type));
  result.crc32c = crc32c(pixels);
  result.packed_bytes = encoder_ ? encoder_->encode(pixels, packed) : 0;
  result.emits = true;
}

}  // namespace framelog
