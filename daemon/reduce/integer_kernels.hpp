#pragma once

// Crop, bin and observe frames of uint8, uint16 and uint32. Source rows are added one by one into
// an accumulator row; even numbers of bin columns are added pairwise on the way, which halves the
// accumulator. The output's moments are taken of each row while it is in the L1 cache.

#include "reduce/integer_moments.hpp"
#include "reduce/kernel.hpp"
#include "reduce/vector_ops.hpp"

namespace framelog::FRAMELOG_KERNELS {
namespace {

/// Observes one row of pixels that are not binned, and copies it where `to` is not null.
template <class Pixel, class Saturated, class Observed>
FRAMELOG_INLINE void observe_row(const std::byte* from, std::byte* to, std::size_t width,
                                 Saturated& saturated_total, Observed& observed_total) {
  using Vector = typename Lanes<Pixel>::Vector;
  constexpr std::size_t kLanes = sizeof(Vector) / sizeof(Pixel);
  // Copies: whatever is stored through a byte pointer might change the totals themselves.
  Saturated saturated = saturated_total;
  Observed observed = observed_total;
  std::size_t i = 0;
  while (i + kLanes <= width) {
    const std::size_t vectors = (width - i) / kLanes;
    const std::size_t end = i + (vectors < kVectorsPerFlush ? vectors : kVectorsPerFlush) * kLanes;
    for (; i < end; i += kLanes) {
      const auto v = load<Vector>(from + i * sizeof(Pixel));
      prefetch_ahead(from + i * sizeof(Pixel));
      saturated.add(v);
      observed.add(v);
      if (to != nullptr) store(to + i * sizeof(Pixel), v);
    }
    saturated.flush();
    observed.flush();
  }
  for (; i < width; ++i) {
    const auto pixel = load<Pixel>(from + i * sizeof(Pixel));
    saturated.add_pixel(pixel);
    observed.add_pixel(pixel);
    if (to != nullptr) store(to + i * sizeof(Pixel), pixel);
  }
  saturated_total = saturated;
  observed_total = observed;
}

/// Takes the place of moments or counters where there is nothing to observe.
struct Unobserved {
  static constexpr bool kObserves = false;
  template <class Value>
  FRAMELOG_INLINE void add(Value) {}
  template <class Value>
  FRAMELOG_INLINE void add_pixel(Value) {}
  FRAMELOG_INLINE void flush() {}
};

/// after = before + source row, widened, and added pairwise if kPairs. A null `before` is all 0.
template <class Pixel, bool kPairs, bool kFirst, class Saturated, class Observed>
FRAMELOG_INLINE void accumulate_row(const std::byte* source, std::size_t width,
                                    const std::byte* before, std::byte* after,
                                    Saturated& saturated_total, Observed& observed_total) {
  using Vector = typename Lanes<Pixel>::Vector;
  using Wide = typename Lanes<Pixel>::Wide;
  using Half = typename Lanes<Pixel>::Half;
  using Sum = typename Lanes<Pixel>::WidePixel;
  constexpr std::size_t kLanes = sizeof(Vector) / sizeof(Pixel);
  constexpr std::size_t kSumBytes = kPairs ? sizeof(Pixel) : sizeof(Sum);  // Per source pixel.
  Saturated saturated = saturated_total;
  Observed observed = observed_total;
  const auto put = [&](std::size_t at, Wide sum) __attribute__((always_inline)) {
    if constexpr (!kFirst) sum += load<Wide>(before + at);
    store(after + at, sum);
    if constexpr (Observed::kObserves) prefetch_ahead(after + at);
    observed.add(sum);
  };
  std::size_t i = 0;
  while (i + kLanes <= width) {
    const std::size_t vectors = (width - i) / kLanes;
    const std::size_t end = i + (vectors < kVectorsPerFlush ? vectors : kVectorsPerFlush) * kLanes;
    for (; i < end; i += kLanes) {
      const std::byte* from = source + i * sizeof(Pixel);
      const auto v = load<Vector>(from);
      prefetch_ahead(from);
      saturated.add(v);
      if constexpr (kPairs) {
        put(i * kSumBytes, fold(v));
      } else {
        put(i * kSumBytes, widened_lanes(load<Half>(from)));
        put(i * kSumBytes + sizeof(Wide), widened_lanes(load<Half>(from + sizeof(Half))));
      }
    }
    saturated.flush();
    observed.flush();
  }
  constexpr std::size_t kStep = kPairs ? 2 : 1;
  for (; i < width; i += kStep) {
    Sum sum{};
    if constexpr (!kFirst) sum = load<Sum>(before + i * kSumBytes);
    for (std::size_t k = 0; k < kStep; ++k) {
      const auto pixel = load<Pixel>(source + (i + k) * sizeof(Pixel));
      saturated.add_pixel(pixel);
      sum = static_cast<Sum>(sum + pixel);
    }
    store(after + i * kSumBytes, sum);
    observed.add_pixel(sum);
  }
  saturated_total = saturated;
  observed_total = observed;
}

/// How a bin's sum becomes its output pixel. Means divide by multiplying: with sums below 2^32 and
/// fewer than 2^32 pixels, floor(sum * (floor(2^64 / n) + 1) / 2^64) is the exact quotient.
struct BinDivision {
  std::uint64_t half{};
  std::uint64_t reciprocal{};
  unsigned shift{};

  explicit BinDivision(const KernelJob& job) {
    const std::uint64_t pixels = std::uint64_t{job.bin_rows} * job.bin_columns;
    half = pixels / 2;
    if ((pixels & (pixels - 1)) == 0) {
      shift = static_cast<unsigned>(__builtin_ctzll(pixels));
    } else {
      reciprocal = ~std::uint64_t{0} / pixels + 1;
    }
  }
};

/// Adds `kGroup` (or, if that is 0, `group`) neighbours of the accumulator for each output pixel.
template <class Sum, class Accumulated, class Output, std::size_t kGroup, class Convert>
FRAMELOG_INLINE void finish_groups(const std::byte* accumulator, std::size_t group,
                                   std::byte* output, std::size_t width, Convert convert) {
  const std::size_t neighbours = kGroup != 0 ? kGroup : group;
  for (std::size_t i = 0; i < width; ++i) {
    Sum sum{};
    for (std::size_t k = 0; k < neighbours; ++k) {
      sum += load<Accumulated>(accumulator + (i * neighbours + k) * sizeof(Accumulated));
    }
    store(output + i * sizeof(Output), static_cast<Output>(convert(sum)));
  }
}

template <class Sum, class Accumulated, class Output, class Convert>
void finish_row_as(const std::byte* __restrict accumulator, std::size_t group,
                   std::byte* __restrict output, std::size_t width, Convert convert) {
  switch (group) {
    case 1:
      return finish_groups<Sum, Accumulated, Output, 1>(accumulator, 1, output, width, convert);
    case 2:
      return finish_groups<Sum, Accumulated, Output, 2>(accumulator, 2, output, width, convert);
    case 4:
      return finish_groups<Sum, Accumulated, Output, 4>(accumulator, 4, output, width, convert);
    case 3:
      return finish_groups<Sum, Accumulated, Output, 3>(accumulator, 3, output, width, convert);
    default:
      return finish_groups<Sum, Accumulated, Output, 0>(accumulator, group, output, width, convert);
  }
}

/// Makes a row of output pixels of the finished accumulator.
template <class Pixel, class Output>
void finish_row(const KernelJob& job, const BinDivision& division, std::size_t group,
                std::byte* output) {
  // Kernels of means are only chosen where the rounded sum fits 32 bits, or 64 with uint32 pixels.
  using Accumulated = typename Lanes<Pixel>::WidePixel;
  using Narrow = std::uint32_t;
  constexpr bool kWide = sizeof(Accumulated) == 8 || sizeof(Output) == 8;
  using Sum = std::uint64_t;
  const std::size_t width = job.output_width;
  if (!job.mean) {
    const auto as_is = [](auto sum) { return sum; };
    if constexpr (kWide) {
      finish_row_as<Sum, Accumulated, Output>(job.accumulator, group, output, width, as_is);
    } else {
      finish_row_as<Narrow, Accumulated, Output>(job.accumulator, group, output, width, as_is);
    }
    return;
  }
  const auto shifted = [half = division.half, shift = division.shift](auto sum) {
    return (sum + static_cast<decltype(sum)>(half)) >> shift;
  };
  const auto divided = [half = division.half, by = division.reciprocal](auto sum) {
    return static_cast<std::uint64_t>((Uint128{sum + half} * by) >> 64U);
  };
  if (division.reciprocal != 0) {
    finish_row_as<Sum, Accumulated, Output>(job.accumulator, group, output, width, divided);
  } else if constexpr (kWide) {
    finish_row_as<Sum, Accumulated, Output>(job.accumulator, group, output, width, shifted);
  } else {
    finish_row_as<Narrow, Accumulated, Output>(job.accumulator, group, output, width, shifted);
  }
}

template <class Saturated, class Observed>
FrameStatistics integer_statistics(const KernelJob& job, const Saturated& saturated,
                                   const Observed& observed) {
  const std::uint64_t pixels = std::uint64_t{job.output_height} * job.output_width;
  FrameStatistics statistics = statistics_of(observed.exact(pixels));
  statistics.saturated = capped_count(saturated.total());
  return statistics;
}

/// Frames or regions of unbinned pixels.
template <class Pixel>
FrameStatistics observe_integers(const KernelJob& job) noexcept {
  SaturationCounter<Pixel> saturated(job);
  Moments<Pixel, false> observed;
  for (std::size_t row = 0; row < job.output_height; ++row) {
    std::byte* to =
        job.output == nullptr ? nullptr : job.output + row * job.output_width * sizeof(Pixel);
    observe_row<Pixel>(job.source + row * job.row_bytes, to, job.output_width, saturated, observed);
  }
  return integer_statistics(job, saturated, observed);
}

/// The first `rows` source rows of a row of bins, into the accumulator.
template <class Pixel, bool kPairs>
FRAMELOG_INLINE void accumulate_rows(const KernelJob& job, const std::byte* source,
                                     std::size_t rows, SaturationCounter<Pixel>& saturated) {
  const std::size_t width = std::size_t{job.output_width} * job.bin_columns;
  std::byte* const sums = job.accumulator;
  Unobserved none;
  if (rows > 0) accumulate_row<Pixel, kPairs, true>(source, width, nullptr, sums, saturated, none);
  for (std::size_t k = 1; k < rows; ++k) {
    accumulate_row<Pixel, kPairs, false>(source + k * job.row_bytes, width, sums, sums, saturated,
                                         none);
  }
}

/// Sums of bins of one column, or of two with kPairs: the last source row adds up to the output.
template <class Pixel, bool kPairs, bool kSmall>
FrameStatistics sum_columns(const KernelJob& job) noexcept {
  using Output = typename Lanes<Pixel>::WidePixel;
  SaturationCounter<Pixel> saturated(job);
  Moments<Output, kSmall> observed;
  const std::size_t width = std::size_t{job.output_width} * job.bin_columns;
  const std::size_t last = job.bin_rows - 1;
  const std::byte* source = job.source;
  std::byte* output = job.output;
  for (std::size_t row = 0; row < job.output_height; ++row) {
    accumulate_rows<Pixel, kPairs>(job, source, last, saturated);
    const std::byte* last_row = source + last * job.row_bytes;
    if (last == 0) {
      accumulate_row<Pixel, kPairs, true>(last_row, width, nullptr, output, saturated, observed);
    } else {
      accumulate_row<Pixel, kPairs, false>(last_row, width, job.accumulator, output, saturated,
                                           observed);
    }
    source += job.bin_rows * job.row_bytes;
    output += job.output_width * sizeof(Output);
  }
  return integer_statistics(job, saturated, observed);
}

template <class Pixel, class Output, bool kPairs, bool kSmall>
FrameStatistics bin_integers(const KernelJob& job) noexcept {
  SaturationCounter<Pixel> saturated(job);
  Moments<Output, kSmall> observed;
  Unobserved none;
  const BinDivision division(job);
  const std::byte* source = job.source;
  std::byte* output = job.output;
  for (std::size_t row = 0; row < job.output_height; ++row) {
    accumulate_rows<Pixel, kPairs>(job, source, job.bin_rows, saturated);
    finish_row<Pixel, Output>(job, division, job.bin_columns / (kPairs ? 2 : 1), output);
    if (job.observes) observe_row<Output>(output, nullptr, job.output_width, none, observed);
    source += job.bin_rows * job.row_bytes;
    output += job.output_width * sizeof(Output);
  }
  return integer_statistics(job, saturated, observed);
}

/// kSmall: output pixels are below 2^24.
template <class Pixel, class Output, bool kSmall>
Kernel binning_kernel_sized(const ReductionPlan& plan) {
  if constexpr (sizeof(Output) == 2 * sizeof(Pixel)) {
    if (plan.bin.columns == 2) return sum_columns<Pixel, true, kSmall>;
    if (plan.bin.columns == 1) return sum_columns<Pixel, false, kSmall>;
  }
  return plan.bin.columns % 2 == 0 ? bin_integers<Pixel, Output, true, kSmall>
                                   : bin_integers<Pixel, Output, false, kSmall>;
}

template <class Pixel, class Output>
Kernel binning_kernel(const ReductionPlan& plan) {
  if constexpr (sizeof(Output) == 4 && sizeof(Pixel) < 4) {
    const std::uint64_t pixels = std::uint64_t{plan.bin.rows} * plan.bin.columns;
    if (pixels << (8 * sizeof(Pixel)) <= std::uint64_t{1} << 24U) {
      return binning_kernel_sized<Pixel, Output, true>(plan);
    }
  }
  return binning_kernel_sized<Pixel, Output, false>(plan);
}

/// Whether the accumulator row, and the rounded sum of a mean, hold bins of this size.
template <class Pixel>
bool fits_accumulator(const ReductionPlan& plan) {
  constexpr std::uint64_t kMostPixel = static_cast<Pixel>(~Pixel{0});
  const std::uint64_t pixels = std::uint64_t{plan.bin.rows} * plan.bin.columns;
  const std::uint64_t columns = plan.bin.columns % 2 == 0 ? 2 : 1;
  if constexpr (sizeof(Pixel) == 4) {
    return plan.bin_mode == BinMode::kSum || pixels <= 0xFFFFU;
  } else {
    constexpr std::uint64_t kMostSum =
        static_cast<typename Lanes<Pixel>::WidePixel>(~typename Lanes<Pixel>::WidePixel{0});
    const bool mean_fits = pixels * (kMostPixel + 1) <= 0xFFFFFFFFU;
    return plan.bin.rows * columns * kMostPixel <= kMostSum &&
           (plan.bin_mode == BinMode::kSum || mean_fits);
  }
}

template <class Pixel>
Kernel integer_kernel(const ReductionPlan& plan) {
  if (plan.bin.rows == 1 && plan.bin.columns == 1) return observe_integers<Pixel>;
  if (!fits_accumulator<Pixel>(plan)) return nullptr;
  if (plan.bin_mode == BinMode::kMean) return binning_kernel<Pixel, Pixel>(plan);
  switch (plan.binned.type) {
    case PixelType::kUint16:
      if constexpr (sizeof(Pixel) == 1) return binning_kernel<Pixel, std::uint16_t>(plan);
      return nullptr;
    case PixelType::kUint32:
      if constexpr (sizeof(Pixel) <= 2) return binning_kernel<Pixel, std::uint32_t>(plan);
      return nullptr;
    default:
      return binning_kernel<Pixel, std::uint64_t>(plan);
  }
}

}  // namespace
}  // namespace framelog::FRAMELOG_KERNELS
