#include "export/result_slabs.hpp"

#include <algorithm>
#include <cstring>

namespace framelog {
namespace {

constexpr std::size_t kY = 3;  // Places in OrderPlan.
constexpr std::size_t kX = 4;

/// One element at a time, whatever the type.
template <std::size_t kBytes>
void copy_row(const std::byte* from, std::uint64_t count, std::byte* to, std::uint64_t stride) {
  for (std::uint64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * stride * kBytes, from + i * kBytes, kBytes);
  }
}

using CopyRow = void (*)(const std::byte*, std::uint64_t, std::byte*, std::uint64_t);

CopyRow copy_of(std::size_t bytes) noexcept {
  if (bytes == 1) return copy_row<1>;
  if (bytes == 2) return copy_row<2>;
  return bytes == 4 ? copy_row<4> : copy_row<8>;
}

}  // namespace

/// Elements of the result that the slab holds: [begin, end).
struct SlabFiller::Window {
  std::uint64_t begin{};
  std::uint64_t end{};
};

SlabFiller::SlabFiller(Recording& recording, const ResultPlan& plan, GridFrames& grid,
                       FrameMaker& maker, std::size_t memory_bytes)
    : recording_(recording), plan_(plan), grid_(grid), maker_(maker) {
  const std::size_t bytes = size_bytes(plan.facts.slice);
  most_ = std::clamp<std::uint64_t>(memory_bytes / bytes, 1, plan.facts.slices);
  slab_.resize(most_ * bytes);
}

std::span<const std::byte> SlabFiller::slice(std::uint64_t index) const noexcept {
  const std::size_t bytes = size_bytes(plan_.facts.slice);
  return std::span(slab_).subspan((index - first_) * bytes, bytes);
}

Result<void> SlabFiller::fill(std::uint64_t first) {
  first_ = first;
  count_ = std::min(most_, plan_.facts.slices - first);
  const FrameShape& slice = plan_.facts.slice;
  const std::uint64_t elements = std::uint64_t{slice.height_px} * slice.width_px;
  const Window window{first * elements, (first + count_) * elements};
  const OrderPlan& order = plan_.order;
  // The furthest that an element of a frame is from its first.
  const std::uint64_t reach =
      (order.sizes[kY] - 1) * order.strides[kY] + (order.sizes[kX] - 1) * order.strides[kX];
  const auto n = plan_.grid.sizes();
  DoneFrame done;
  for (std::uint64_t index = 0; index < plan_.grid.frames(); ++index) {
    const std::uint64_t base = index / (n[1] * n[2]) * order.strides[0] +
                               index / n[2] % n[1] * order.strides[1] +
                               index % n[2] * order.strides[2];
    if (base >= window.end || base + reach < window.begin) continue;
    const auto frame = grid_.find(index);
    if (!frame) return std::unexpected(frame.error());
    // The pass that has its first element counts it.
    const bool counts = base >= window.begin;
    if (*frame) {
      if (auto made = maker_.make(recording_, **frame, done); !made) return made;
      if (counts) clipped_ += done.statistics.clipped;
    } else {
      maker_.make_missing(done);
      if (counts) ++missing_;
    }
    scatter(done.pixels, base, window);
  }
  return {};
}

void SlabFiller::scatter(std::span<const std::byte> pixels, std::uint64_t base,
                         const Window& window) {
  const OrderPlan& order = plan_.order;
  const std::size_t bytes = size_bytes(plan_.facts.type);
  const CopyRow copy = copy_of(bytes);
  const std::uint64_t stride = order.strides[kX];
  const std::uint64_t width = order.sizes[kX];
  for (std::uint64_t y = 0; y < order.sizes[kY]; ++y) {
    const std::uint64_t row = base + y * order.strides[kY];
    if (row >= window.end) break;
    std::uint64_t x = 0;
    std::uint64_t stop = width;
    if (stride > 0) {
      if (row < window.begin) x = (window.begin - row + stride - 1) / stride;
      stop = std::min(width, (window.end - row + stride - 1) / stride);
    } else if (row < window.begin) {
      continue;
    }
    if (x >= stop) continue;
    copy(pixels.data() + (y * width + x) * bytes, stop - x,
         slab_.data() + (row + x * stride - window.begin) * bytes, stride);
  }
}

}  // namespace framelog
