#pragma once

// Crop, bin and observe frames of float32. Each output pixel has a float64 lane of the accumulator
// row, to which its source pixels are added in row-major order; vectors go across bins, never
// across the pixels of one. NaN is left to spread, and the few bins that end as NaN are done again
// by the plain loop, which knows how to skip it.

#include "reduce/kernel.hpp"
#include "reduce/vector_ops.hpp"

namespace framelog::FRAMELOG_KERNELS {
namespace {

constexpr std::size_t kDoubles = sizeof(F64) / sizeof(double);

FRAMELOG_INLINE F64 widened(HalfF32 v) { return __builtin_convertvector(v, F64); }

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

/// Lane-wise sums of one row. kSkipNan costs a third more.
template <bool kSkipNan>
struct FloatLanes {
  F64 pivot{}, row_pivot{};
  F64 sum{}, deviations{}, squared_deviations{};

  FRAMELOG_INLINE void add(F64 v) {
    F64 deviation = (v - pivot) - row_pivot;  // NOLINT(misc-const-correctness): masked below
    if constexpr (kSkipNan) {
      const I64 valid = v == v;  // NOLINT(misc-redundant-expression): NaN differs from itself
      deviation = masked(valid, deviation);
      v = masked(valid, v);
    }
    sum += v;
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
  FloatLanes<kSkipNan> low{F64{} + moments.pivot, F64{} + moments.row_pivot};
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
  row.sum = sum_of_lanes<double, double>(low.sum + high.sum);
  row.deviations = sum_of_lanes<double, double>(low.deviations + high.deviations);
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

/// Adds square blocks of kDoubles pixels of as many neighbouring bins, transposed.
FRAMELOG_INLINE F64 add_block(F64 sum, const std::byte* first, std::size_t bin_bytes) {
  HalfF32 bins[kDoubles];
  for (std::size_t k = 0; k < kDoubles; ++k) bins[k] = load<HalfF32>(first + k * bin_bytes);
#if FRAMELOG_VECTOR_BYTES == 32
  const HalfF32 low01 = __builtin_shufflevector(bins[0], bins[1], 0, 4, 1, 5);
  const HalfF32 high01 = __builtin_shufflevector(bins[0], bins[1], 2, 6, 3, 7);
  const HalfF32 low23 = __builtin_shufflevector(bins[2], bins[3], 0, 4, 1, 5);
  const HalfF32 high23 = __builtin_shufflevector(bins[2], bins[3], 2, 6, 3, 7);
  sum += widened(__builtin_shufflevector(low01, low23, 0, 1, 4, 5));
  sum += widened(__builtin_shufflevector(low01, low23, 2, 3, 6, 7));
  sum += widened(__builtin_shufflevector(high01, high23, 0, 1, 4, 5));
  sum += widened(__builtin_shufflevector(high01, high23, 2, 3, 6, 7));
#else
  sum += widened(__builtin_shufflevector(bins[0], bins[1], 0, 2));
  sum += widened(__builtin_shufflevector(bins[0], bins[1], 1, 3));
#endif
  return sum;
}

/// The columns of kDoubles bins, added to their sums.
template <std::size_t kColumns>
FRAMELOG_INLINE F64 add_bins(F64 sum, const std::byte* first, std::size_t columns) {
  if constexpr (kColumns == 1) {
    sum += widened(load<HalfF32>(first));
#if FRAMELOG_VECTOR_BYTES == 32
  } else if constexpr (kColumns == 2) {
    const auto low = load<HalfF32>(first);
    const auto high = load<HalfF32>(first + sizeof(HalfF32));
    sum += widened(__builtin_shufflevector(low, high, 0, 2, 4, 6));
    sum += widened(__builtin_shufflevector(low, high, 1, 3, 5, 7));
#endif
  } else if constexpr (kColumns % kDoubles == 0 && kColumns != 0) {
    for (std::size_t k = 0; k < columns; k += kDoubles) {
      sum = add_block(sum, first + k * sizeof(float), columns * sizeof(float));
    }
  } else {
    for (std::size_t k = 0; k < columns; ++k) {
      HalfF32 column;
      for (std::size_t bin = 0; bin < kDoubles; ++bin) {
        column[bin] = load<float>(first + (bin * columns + k) * sizeof(float));
      }
      sum += widened(column);
    }
  }
  return sum;
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

/// One source row into the accumulator. kColumns: bin columns; 4 for all multiples, 0 for others.
template <std::size_t kColumns, bool kFirst>
FRAMELOG_INLINE void add_row(const KernelJob& job, const std::byte* source) {
  const std::size_t columns = job.bin_columns;
  const std::size_t width = job.output_width;
  std::byte* sums = job.accumulator;
  std::size_t i = 0;
  for (; i + kDoubles <= width; i += kDoubles) {
    const std::byte* first = source + i * columns * sizeof(float);
    const std::size_t bytes = columns * kDoubles * sizeof(float);
    for (std::size_t k = 0; k < bytes; k += kCacheLineBytes) prefetch_ahead(first + k);
    F64 sum{};  // NOLINT(misc-const-correctness): set below
    if constexpr (!kFirst) sum = load<F64>(sums);
    store(sums, add_bins<kColumns>(sum, first, columns));
    sums += sizeof(F64);
  }
  for (; i < width; ++i) {
    double sum = kFirst ? 0.0 : load<double>(sums);
    for (std::size_t k = 0; k < columns; ++k) {
      sum += static_cast<double>(load<float>(source + (i * columns + k) * sizeof(float)));
    }
    store(sums, sum);
    sums += sizeof(double);
  }
}

/// Does bins again whose sum is NaN; returns how many finite sums became infinite as float32.
std::uint64_t repair_row(const KernelJob& job, const std::byte* source, std::byte* output) {
  const std::size_t bin_bytes = job.bin_columns * sizeof(float);
  std::uint64_t clipped = 0;
  for (std::size_t i = 0; i < job.output_width; ++i) {
    const auto pixel = load<float>(output + i * sizeof(float));
    if (pixel != pixel) {
      store(output + i * sizeof(float), plain_float_bin(job, source + i * bin_bytes, clipped));
    } else if (!__builtin_isfinite(pixel)) {
      const auto sum = load<double>(job.accumulator + i * sizeof(double));
      clipped += __builtin_isfinite(sum) ? 1U : 0U;
    }
  }
  return clipped;
}

/// Writes a row of output; returns the number of clipped pixels. kDivide: by `factor`, else times.
template <bool kDivide>
std::uint64_t finish_row_by(double factor, const KernelJob& job, const std::byte* source,
                            std::byte* output) {
  const std::size_t width = job.output_width;
  const std::byte* const sums = job.accumulator;
  I64 suspicious{};
  bool suspicious_rest = false;
  std::size_t i = 0;
  for (; i + kDoubles <= width; i += kDoubles) {
    const auto sum = load<F64>(sums + i * sizeof(double));
    const auto pixels = __builtin_convertvector(kDivide ? sum / factor : sum * factor, HalfF32);
    store(output + i * sizeof(float), pixels);
    const F64 back = widened(pixels);
    // NOLINTNEXTLINE(misc-redundant-expression): infinity minus itself is NaN
    suspicious |= (back - back) != F64{};
  }
  for (; i < width; ++i) {
    const auto sum = load<double>(sums + i * sizeof(double));
    const auto pixel = static_cast<float>(kDivide ? sum / factor : sum * factor);
    store(output + i * sizeof(float), pixel);
    suspicious_rest = suspicious_rest || !__builtin_isfinite(pixel);
  }
  if (!suspicious_rest && sum_of_lanes<std::int64_t, std::int64_t>(suspicious) == 0) return 0;
  return repair_row(job, source, output);
}

std::uint64_t finish_float_row(const KernelJob& job, const std::byte* source, std::byte* output) {
  const std::uint64_t pixels = job.mean ? std::uint64_t{job.bin_rows} * job.bin_columns : 1;
  const auto divisor = static_cast<double>(pixels);
  // Inverses of powers of two are exact: the product is the quotient, bit for bit.
  if ((pixels & (pixels - 1)) == 0) return finish_row_by<false>(1.0 / divisor, job, source, output);
  return finish_row_by<true>(divisor, job, source, output);
}

FrameStatistics float_statistics(const FloatMoments& moments, const FloatSaturation& saturated,
                                 std::uint64_t clipped) {
  FrameStatistics statistics = statistics_of(moments);
  statistics.saturated = capped_count(saturated.total());
  statistics.clipped = capped_count(clipped);
  return statistics;
}

FrameStatistics observe_floats(const KernelJob& job) noexcept {
  FloatSaturation saturated(job);
  FloatMoments moments;
  for (std::size_t row = 0; row < job.output_height; ++row) {
    const std::byte* from = job.source + row * job.row_bytes;
    std::byte* to =
        job.output == nullptr ? nullptr : job.output + row * job.output_width * sizeof(float);
    if (!moments.has_pivot) seek_pivot(from, job.output_width, moments);
    merge(moments, moments_of_row(from, to, job.output_width, moments, saturated));
  }
  return float_statistics(moments, saturated, 0);
}

template <std::size_t kColumns>
FrameStatistics bin_floats(const KernelJob& job) noexcept {
  FloatSaturation saturated(job);
  FloatMoments moments;
  NoSaturation none;
  std::uint64_t clipped = 0;
  const std::size_t width = std::size_t{job.output_width} * job.bin_columns;
  const std::byte* source = job.source;
  std::byte* output = job.output;
  for (std::size_t row = 0; row < job.output_height; ++row) {
    count_row(source, width, saturated);
    add_row<kColumns, true>(job, source);
    for (std::size_t k = 1; k < job.bin_rows; ++k) {
      count_row(source + k * job.row_bytes, width, saturated);
      add_row<kColumns, false>(job, source + k * job.row_bytes);
    }
    clipped += finish_float_row(job, source, output);
    if (job.observes) {
      if (!moments.has_pivot) seek_pivot(output, job.output_width, moments);
      merge(moments, moments_of_row(output, nullptr, job.output_width, moments, none));
    }
    source += job.bin_rows * job.row_bytes;
    output += job.output_width * sizeof(float);
  }
  return float_statistics(moments, saturated, clipped);
}

Kernel float_kernel(const ReductionPlan& plan) {
  const std::uint32_t columns = plan.bin.columns;
  if (plan.bin.rows == 1 && columns == 1) return observe_floats;
  if (columns == 1) return bin_floats<1>;
  if (columns == 2) return bin_floats<2>;
  return columns % 4 == 0 ? bin_floats<4> : bin_floats<0>;
}

}  // namespace
}  // namespace framelog::FRAMELOG_KERNELS
