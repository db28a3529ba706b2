#pragma once

// Rows that are counted or added to the sums of a group, of uint8, uint16, uint32 and float32.

#include "reduce/float_moments.hpp"
#include "reduce/integer_moments.hpp"
#include "reduce/kernel.hpp"
#include "reduce/vector_ops.hpp"

namespace framelog::FRAMELOG_KERNELS {
namespace {

template <class Pixel>
std::uint64_t count_saturated(const KernelJob& job, const std::byte* row,
                              std::size_t pixels) noexcept {
  using Vector = typename Lanes<Pixel>::Vector;
  constexpr std::size_t kLanes = sizeof(Vector) / sizeof(Pixel);
  SaturationCounter<Pixel> saturated(job);
  std::size_t i = 0;
  while (i + kLanes <= pixels) {
    const std::size_t vectors = (pixels - i) / kLanes;
    const std::size_t end = i + (vectors < kVectorsPerFlush ? vectors : kVectorsPerFlush) * kLanes;
    for (; i < end; i += kLanes) {
      prefetch_ahead(row + i * sizeof(Pixel));
      saturated.add(load<Vector>(row + i * sizeof(Pixel)));
    }
    saturated.flush();
  }
  for (; i < pixels; ++i) saturated.add_pixel(load<Pixel>(row + i * sizeof(Pixel)));
  return saturated.total();
}

std::uint64_t count_saturated_floats(const KernelJob& job, const std::byte* row,
                                     std::size_t pixels) noexcept {
  FloatSaturation saturated(job);
  count_row(row, pixels, saturated);
  return saturated.total();
}

/// As many pixels as an accumulator's vector has lanes.
template <class Pixel>
struct SumLanes;
template <>
struct SumLanes<std::uint8_t> {
  using Pixels = QuarterU8;
  using Sums = U32;
  using Sum = std::uint32_t;
};
template <>
struct SumLanes<std::uint16_t> {
  using Pixels = HalfU16;
  using Sums = U32;
  using Sum = std::uint32_t;
};
template <>
struct SumLanes<std::uint32_t> {
  using Pixels = HalfU32;
  using Sums = U64;
  using Sum = std::uint64_t;
};

template <class Pixel, bool kFirst>
FRAMELOG_INLINE void add_integer_row(const std::byte* pixels, const std::byte* sums,
                                     std::byte* result, std::size_t width) {
  using Pixels = typename SumLanes<Pixel>::Pixels;
  using Sums = typename SumLanes<Pixel>::Sums;
  using Sum = typename SumLanes<Pixel>::Sum;
  constexpr std::size_t kLanes = sizeof(Sums) / sizeof(Sum);
  std::size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    const std::byte* from = pixels + i * sizeof(Pixel);
    Sums sum = widened_lanes(load<Pixels>(from));
    prefetch_ahead(from);
    if constexpr (!kFirst) {
      sum += load<Sums>(sums + i * sizeof(Sum));
      prefetch_ahead(sums + i * sizeof(Sum));
    }
    store(result + i * sizeof(Sum), sum);
  }
  for (; i < width; ++i) {
    Sum sum = load<Pixel>(pixels + i * sizeof(Pixel));  // NOLINT(misc-const-correctness): set below
    if constexpr (!kFirst) sum += load<Sum>(sums + i * sizeof(Sum));
    store(result + i * sizeof(Sum), sum);
  }
}

template <class Pixel>
void add_integers(const std::byte* pixels, const std::byte* sums, std::byte* result,
                  std::size_t width) noexcept {
  if (sums == nullptr) return add_integer_row<Pixel, true>(pixels, sums, result, width);
  add_integer_row<Pixel, false>(pixels, sums, result, width);
}

using Counts [[gnu::vector_size(FRAMELOG_VECTOR_BYTES / 4)]] = std::uint16_t;

/// One more where the lane is valid: all of its bits are set.
FRAMELOG_INLINE Counts counted(Counts counts, I64 valid) {
#if defined(__aarch64__)
  const int32x2_t words = vmovn_s64(reinterpret_cast<int64x2_t>(valid));
  const uint16x4_t ones = vreinterpret_u16_s16(vmovn_s32(vcombine_s32(words, words)));
  const uint16x4_t before =
      vreinterpret_u16_u32(vdup_n_u32(reinterpret_cast<std::uint32_t>(counts)));
  return reinterpret_cast<Counts>(vget_lane_u32(vreinterpret_u32_u16(vsub_u16(before, ones)), 0));
#else
  return counts - __builtin_convertvector(valid, Counts);
#endif
}

template <bool kFirst>
FRAMELOG_INLINE void add_float_row(const std::byte* pixels, const std::byte* sums,
                                   std::byte* result, std::size_t width) {
  const std::size_t counts_at = width * sizeof(double);
  std::size_t i = 0;
  for (; i + kDoubles <= width; i += kDoubles) {
    const std::size_t sum_at = i * sizeof(double);
    const std::size_t count_at = counts_at + i * sizeof(std::uint16_t);
    const F64 value = widened(load<HalfF32>(pixels + i * sizeof(float)));
    const I64 valid = value == value;  // NOLINT(misc-redundant-expression): NaN differs from itself
    F64 sum{};                         // NOLINT(misc-const-correctness): set below
    Counts count{};                    // NOLINT(misc-const-correctness): set below
    if constexpr (!kFirst) {
      sum = load<F64>(sums + sum_at);
      count = load<Counts>(sums + count_at);
    }
    store(result + sum_at, sum + reinterpret_cast<F64>(valid & reinterpret_cast<I64>(value)));
    store(result + count_at, counted(count, valid));
  }
  for (; i < width; ++i) {
    const auto pixel = load<float>(pixels + i * sizeof(float));
    double sum = kFirst ? 0.0 : load<double>(sums + i * sizeof(double));
    std::uint16_t count = 0;
    if constexpr (!kFirst) count = load<std::uint16_t>(sums + counts_at + i * sizeof(count));
    if (pixel == pixel) {
      sum += static_cast<double>(pixel);
      ++count;
    }
    store(result + i * sizeof(double), sum);
    store(result + counts_at + i * sizeof(count), count);
  }
}

void add_floats(const std::byte* pixels, const std::byte* sums, std::byte* result,
                std::size_t width) noexcept {
  if (sums == nullptr) return add_float_row<true>(pixels, sums, result, width);
  add_float_row<false>(pixels, sums, result, width);
}

RowCounter counter_of(PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return count_saturated<std::uint8_t>;
    case PixelType::kUint16:
      return count_saturated<std::uint16_t>;
    case PixelType::kUint32:
      return count_saturated<std::uint32_t>;
    case PixelType::kFloat32:
      return count_saturated_floats;
    default:
      return nullptr;
  }
}

RowAdder adder_of(PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return add_integers<std::uint8_t>;
    case PixelType::kUint16:
      return add_integers<std::uint16_t>;
    case PixelType::kUint32:
      return add_integers<std::uint32_t>;
    case PixelType::kFloat32:
      return add_floats;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace framelog::FRAMELOG_KERNELS
