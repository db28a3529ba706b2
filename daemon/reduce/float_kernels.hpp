#pragma once

// Crop, bin and observe frames of float32. Each output pixel has a float64 lane of the accumulator
// row, to which its source pixels are added in row-major order; vectors go across bins, never
// across the pixels of one. NaN is left to spread, and the few bins that end as NaN are done again
// by the plain loop, which knows how to skip it.

#include "reduce/float_moments.hpp"
#include "reduce/kernel.hpp"
#include "reduce/vector_ops.hpp"

namespace framelog::FRAMELOG_KERNELS {
namespace {

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

/// Whether saturated pixels are counted where the pixels are added; where bins are not made of
/// whole vectors they are counted beforehand.
template <std::size_t kColumns>
constexpr bool kCountsOnTheWay = kColumns != 0 && kColumns* kDoubles * sizeof(float) >= sizeof(F32);

/// The sums of kDoubles bins with their columns in this row, of which `saturated` counts.
template <std::size_t kColumns, bool kFirst>
FRAMELOG_INLINE F64 add_to_bins(const std::byte* sums, const std::byte* first, std::size_t columns,
                                FloatSaturation& saturated) {
  const std::size_t bytes = columns * kDoubles * sizeof(float);
  for (std::size_t k = 0; k < bytes; k += kCacheLineBytes) prefetch_ahead(first + k);
  if constexpr (kCountsOnTheWay<kColumns>) {
    for (std::size_t k = 0; k < bytes; k += sizeof(F32)) saturated.add(load<F32>(first + k));
  }
  F64 sum{};  // NOLINT(misc-const-correctness): set below
  if constexpr (!kFirst) sum = load<F64>(sums);
  return add_bins<kColumns>(sum, first, columns);
}

/// Likewise of one bin.
template <std::size_t kColumns, bool kFirst>
FRAMELOG_INLINE double add_to_bin(const std::byte* sums, const std::byte* first,
                                  std::size_t columns, FloatSaturation& saturated) {
  double sum = kFirst ? 0.0 : load<double>(sums);
  for (std::size_t k = 0; k < columns; ++k) {
    const auto pixel = load<float>(first + k * sizeof(float));
    if constexpr (kCountsOnTheWay<kColumns>) saturated.add_pixel(pixel);
    sum += static_cast<double>(pixel);
  }
  return sum;
}

/// One source row into the accumulator. kColumns: bin columns; 4 for all multiples, 0 for others.
template <std::size_t kColumns, bool kFirst>
FRAMELOG_INLINE void add_row(const KernelJob& job, const std::byte* source,
                             FloatSaturation& saturated_total) {
  const std::size_t columns = job.bin_columns;
  const std::size_t width = job.output_width;
  const std::size_t bin_bytes = columns * sizeof(float);
  if constexpr (!kCountsOnTheWay<kColumns>) count_row(source, width * columns, saturated_total);
  FloatSaturation saturated = saturated_total;
  std::byte* sums = job.accumulator;
  std::size_t i = 0;
  for (; i + kDoubles <= width; i += kDoubles) {
    store(sums, add_to_bins<kColumns, kFirst>(sums, source + i * bin_bytes, columns, saturated));
    sums += sizeof(F64);
  }
  for (; i < width; ++i) {
    store(sums, add_to_bin<kColumns, kFirst>(sums, source + i * bin_bytes, columns, saturated));
    sums += sizeof(double);
  }
  saturated.flush();
  saturated_total = saturated;
}

/// The last source row of a row of bins, straight to the output, times `factor`, and its moments.
/// False, and nothing is counted, where a result is not finite.
template <std::size_t kColumns, bool kFirst>
FRAMELOG_INLINE bool finish_with_row(const KernelJob& job, double factor, const std::byte* source,
                                     std::byte* output, const FloatMoments& moments, FloatRow& row,
                                     FloatSaturation& saturated_total) {
  const std::size_t columns = job.bin_columns;
  const std::size_t width = job.output_width;
  const std::size_t bin_bytes = columns * sizeof(float);
  const std::byte* sums = job.accumulator;
  FloatSaturation saturated = saturated_total;
  if constexpr (!kCountsOnTheWay<kColumns>) count_row(source, width * columns, saturated);
  FloatLanes<false> lanes(moments);
  F64 least = F64{} + __builtin_inf();
  F64 greatest = -least;
  row.min = __builtin_inf();
  row.max = -__builtin_inf();
  std::size_t i = 0;
  for (; i + kDoubles <= width; i += kDoubles) {
    const F64 sum = add_to_bins<kColumns, kFirst>(sums, source + i * bin_bytes, columns, saturated);
    const auto pixels = narrowed_lanes(sum * factor);
    store(output + i * sizeof(float), pixels);
    const F64 v = widened(pixels);
    least = lesser(v, least);
    greatest = greater(v, greatest);
    lanes.add(v);
    sums += sizeof(F64);
  }
  const std::size_t whole = i;
  for (; i < width; ++i) {
    const double sum =
        add_to_bin<kColumns, kFirst>(sums, source + i * bin_bytes, columns, saturated);
    const auto pixel = static_cast<float>(sum * factor);
    store(output + i * sizeof(float), pixel);
    add_pixel(row, moments, pixel);
    sums += sizeof(double);
  }
  const auto deviations = sum_of_lanes<double, double>(lanes.deviations);
  row.deviations += deviations;
  // Of float32 they are finite unless a pixel is not; a NaN was not added to the count.
  if (!__builtin_isfinite(row.deviations) || row.count != width - whole) return false;
  for (std::size_t k = 0; k < kDoubles; ++k) {
    row.min = lesser(least[k], row.min);
    row.max = greater(greatest[k], row.max);
  }
  row.count = width;
  row.sum += deviations + static_cast<double>(whole) * lanes.point;
  row.squared_deviations += sum_of_lanes<double, double>(lanes.squared_deviations);
  saturated.flush();
  saturated_total = saturated;
  return true;
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
    const auto pixels = narrowed_lanes(kDivide ? sum / factor : sum * factor);
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

/// How a bin's sum becomes its output pixel: inverses of powers of two are exact, so that the
/// product is the quotient, bit for bit.
struct FloatScale {
  bool divides{};
  double factor{1.0};

  explicit FloatScale(const KernelJob& job) {
    const std::uint64_t pixels = job.mean ? std::uint64_t{job.bin_rows} * job.bin_columns : 1;
    divides = (pixels & (pixels - 1)) != 0;
    factor = divides ? static_cast<double>(pixels) : 1.0 / static_cast<double>(pixels);
  }
};

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
    settle(moments);
    merge(moments, moments_of_row(from, to, job.output_width, moments, saturated));
  }
  return float_statistics(moments, saturated, 0);
}

/// The last source row where the others are in the accumulator, and the output's moments; returns
/// the number of clipped pixels.
template <std::size_t kColumns, bool kFirst>
FRAMELOG_INLINE std::uint64_t finish_bins(const KernelJob& job, const FloatScale& scale,
                                          const std::byte* source, std::byte* output,
                                          FloatMoments& moments, FloatSaturation& saturated) {
  const std::byte* last_row = source + (job.bin_rows - 1) * job.row_bytes;
  if (moments.has_pivot && !scale.divides) {
    FloatRow row;
    settle(moments);
    if (finish_with_row<kColumns, kFirst>(job, scale.factor, last_row, output, moments, row,
                                          saturated)) {
      merge(moments, row);
      return 0;
    }
  }
  add_row<kColumns, kFirst>(job, last_row, saturated);
  const std::uint64_t clipped = scale.divides
                                    ? finish_row_by<true>(scale.factor, job, source, output)
                                    : finish_row_by<false>(scale.factor, job, source, output);
  if (!job.observes) return clipped;
  NoSaturation none;
  if (!moments.has_pivot) seek_pivot(output, job.output_width, moments);
  settle(moments);
  merge(moments, moments_of_row(output, nullptr, job.output_width, moments, none));
  return clipped;
}

template <std::size_t kColumns>
FrameStatistics bin_floats(const KernelJob& job) noexcept {
  FloatSaturation saturated(job);
  FloatMoments moments;
  const FloatScale scale(job);
  std::uint64_t clipped = 0;
  const std::byte* source = job.source;
  std::byte* output = job.output;
  for (std::size_t row = 0; row < job.output_height; ++row) {
    if (job.bin_rows == 1) {
      clipped += finish_bins<kColumns, true>(job, scale, source, output, moments, saturated);
    } else {
      add_row<kColumns, true>(job, source, saturated);
      for (std::size_t k = 1; k + 1 < job.bin_rows; ++k) {
        add_row<kColumns, false>(job, source + k * job.row_bytes, saturated);
      }
      clipped += finish_bins<kColumns, false>(job, scale, source, output, moments, saturated);
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
