#pragma once

// What the float kernels gather beside the pixels: saturated source pixels, and the moments of the
// output. Vectors take whole vectors, add_pixel() the rest of a row.

#include "reduce/kernel.hpp"
#include "reduce/vector_ops.hpp"

namespace framelog::FRAMELOG_KERNELS {
namespace {

constexpr std::size_t kDoubles = sizeof(F64) / sizeof(double);

FRAMELOG_INLINE F64 widened(HalfF32 v) { return widened_lanes(v); }

/// Counts the pixels at or above a threshold; never NaN.
class FloatSaturation {
 public:
  explicit FloatSaturation(const KernelJob& job) {
    // The least float that is not below the threshold compares as the threshold itself.
    auto threshold = static_cast<float>(job.float_saturation);
    if (static_cast<double>(threshold) < job.float_saturation) {
      threshold = __builtin_nextafterf(threshold, __builtin_inff());
    }
    threshold_ = threshold;
    thresholds_ = F32{} + threshold;
  }
  FRAMELOG_INLINE void add(F32 v) { counts_ -= reinterpret_cast<U32>(v >= thresholds_); }
  FRAMELOG_INLINE void add_pixel(float pixel) { total_ += pixel >= threshold_ ? 1U : 0U; }
  /// Due before a lane has counted 2^32 pixels.
  FRAMELOG_INLINE void flush() {
    totals_ += fold(counts_);
    counts_ = U32{};
  }
  [[nodiscard]] std::uint64_t total() const {
    return total_ + sum_of_lanes<std::uint64_t, std::uint64_t>(totals_);
  }

 private:
  float threshold_{};
  std::uint64_t total_{};
  F32 thresholds_{};
  U32 counts_{};
  U64 totals_{};
};

FRAMELOG_INLINE void add_pixel(FloatRow& row, const FloatMoments& moments, float pixel) {
  if (pixel != pixel) return;
  const auto value = static_cast<double>(pixel);
  const double deviation = (value - moments.pivot) - moments.row_pivot;
  row.min = lesser(value, row.min);
  row.max = greater(value, row.max);
  ++row.count;
  row.sum += value;
  row.deviations += deviation;
  row.squared_deviations += deviation * deviation;
}

/// Makes the point that the next row's deviations are from a float32, so that they are exact in
/// most rows, and with them the sum, which is worked out of them.
FRAMELOG_INLINE void settle(FloatMoments& moments) {
  const auto point = static_cast<float>(moments.pivot + moments.row_pivot);
  if (__builtin_isfinite(point)) moments.row_pivot = static_cast<double>(point) - moments.pivot;
}

/// Lane-wise deviations of one row. kSkipNan costs a third more.
template <bool kSkipNan>
struct FloatLanes {
  double point{};
  F64 deviations{}, squared_deviations{};

  FRAMELOG_INLINE explicit FloatLanes(const FloatMoments& moments)
      : point(moments.pivot + moments.row_pivot) {}

  FRAMELOG_INLINE void add(F64 v) {
    F64 deviation = v - point;  // NOLINT(misc-const-correctness): masked below
    if constexpr (kSkipNan) {
      const I64 valid = v == v;  // NOLINT(misc-redundant-expression): NaN differs from itself
      deviation = masked(valid, deviation);
    }
    deviations += deviation;
    squared_deviations += deviation * deviation;
  }
  FRAMELOG_INLINE static F64 masked(I64 mask, F64 v) {
    return reinterpret_cast<F64>(mask & reinterpret_cast<I64>(v));
  }
};

/// Moments of a row, and on the way its saturated pixels and its copy where `to` is not null.
template <bool kSkipNan, class Saturated>
FRAMELOG_INLINE FloatRow sum_row(const std::byte* from, std::byte* to, std::size_t width,
                                 const FloatMoments& moments, Saturated& saturated_total) {
  Saturated saturated = saturated_total;
  FloatLanes<kSkipNan> low(moments);
  FloatLanes<kSkipNan> high = low;
  F32 least = F32{} + __builtin_inff();
  F32 greatest = -least;
  U32 valid{};
  std::size_t i = 0;
  for (; i + 2 * kDoubles <= width; i += 2 * kDoubles) {
    const std::byte* at = from + i * sizeof(float);
    const auto v = load<F32>(at);
    prefetch_ahead(at);
    saturated.add(v);
    if (to != nullptr) store(to + i * sizeof(float), v);
    least = lesser(v, least);
    greatest = greater(v, greatest);
    // NOLINTNEXTLINE(misc-redundant-expression): NaN differs from itself
    valid -= reinterpret_cast<U32>(v == v);
    low.add(widened(load<HalfF32>(at)));
    high.add(widened(load<HalfF32>(at + sizeof(HalfF32))));
  }
  FloatRow row;
  row.count = sum_of_lanes<std::uint64_t, std::uint32_t>(valid);
  row.deviations = sum_of_lanes<double, double>(low.deviations + high.deviations);
  row.sum = row.deviations + static_cast<double>(row.count) * low.point;
  row.squared_deviations =
      sum_of_lanes<double, double>(low.squared_deviations + high.squared_deviations);
  row.min = __builtin_inf();
  row.max = -__builtin_inf();
  for (std::size_t k = 0; k < 2 * kDoubles; ++k) {
    row.min = lesser(static_cast<double>(least[k]), row.min);
    row.max = greater(static_cast<double>(greatest[k]), row.max);
  }
  for (; i < width; ++i) {
    const auto pixel = load<float>(from + i * sizeof(float));
    saturated.add_pixel(pixel);
    if (to != nullptr) store(to + i * sizeof(float), pixel);
    add_pixel(row, moments, pixel);
  }
  saturated.flush();
  saturated_total = saturated;
  return row;
}

struct NoSaturation {
  FRAMELOG_INLINE void add(F32) {}
  FRAMELOG_INLINE void add_pixel(float) {}
  FRAMELOG_INLINE void flush() {}
};

/// Rows with a NaN, which spread into the sums, are summed again without it.
template <class Saturated>
FRAMELOG_INLINE FloatRow moments_of_row(const std::byte* from, std::byte* to, std::size_t width,
                                        const FloatMoments& moments, Saturated& saturated) {
  const FloatRow row = sum_row<false>(from, to, width, moments, saturated);
  if (row.count == width) return row;
  NoSaturation none;
  return sum_row<true>(from, nullptr, width, moments, none);
}

/// The first row with a finite pixel is summed once more beforehand, to learn its mean.
void seek_pivot(const std::byte* row, std::size_t width, FloatMoments& moments) {
  for (std::size_t i = 0; i < width; ++i) {
    const auto pixel = load<float>(row + i * sizeof(float));
    if (!__builtin_isfinite(pixel)) continue;
    set_pivot(moments, static_cast<double>(pixel));
    NoSaturation none;
    set_row_pivot(moments, moments_of_row(row, nullptr, width, moments, none));
    return;
  }
}

/// The saturated pixels of one source row, which is in the L1 cache from then on. Adding takes
/// longer, so it is there that the next rows are asked for.
FRAMELOG_INLINE void count_row(const std::byte* source, std::size_t width,
                               FloatSaturation& saturated_total) {
  FloatSaturation saturated = saturated_total;
  std::size_t i = 0;
  for (; i + 2 * kDoubles <= width; i += 2 * kDoubles) {
    saturated.add(load<F32>(source + i * sizeof(float)));
  }
  for (; i < width; ++i) saturated.add_pixel(load<float>(source + i * sizeof(float)));
  saturated.flush();
  saturated_total = saturated;
}

}  // namespace
}  // namespace framelog::FRAMELOG_KERNELS
