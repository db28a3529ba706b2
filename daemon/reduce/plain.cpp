// The reference of all kernels: one loop for every pixel type, written to be seen to be right.

#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>

#include "reduce/kernel.hpp"
#include "reduce/pixel.hpp"

namespace framelog {
namespace {

/// Holds the sum of a bin of kMostPixelsPerBin pixels of any value.
template <std::integral Pixel>
using WideSum =
    std::conditional_t<sizeof(Pixel) == 8, Uint128,
                       std::conditional_t<std::is_signed_v<Pixel>, std::int64_t, std::uint64_t>>;

template <class Pixel>
struct Reduced {
  Pixel pixel{};
  bool clipped{};
};

template <std::integral Pixel>
WideSum<Pixel> sum_of_bin(const KernelJob& job, const std::byte* first_pixel) {
  WideSum<Pixel> sum{};
  for (std::size_t row = 0; row < job.bin_rows; ++row) {
    for (std::size_t column = 0; column < job.bin_columns; ++column) {
      // NOLINTNEXTLINE(bugprone-signed-char-misuse): an int8 pixel is a number
      sum += load_pixel<Pixel>(first_pixel + row * job.row_bytes, column);
    }
  }
  return sum;
}

/// Quotient rounded half away from zero.
template <class Wide>
Wide rounded_quotient(Wide sum, Wide count) {
  // NOLINTBEGIN(clang-analyzer-core.DivideZero): a bin has at least one pixel
  if (sum < 0) return -((count / 2 - sum) / count);
  return (sum + count / 2) / count;
  // NOLINTEND(clang-analyzer-core.DivideZero)
}

template <class Output, class Wide>
Reduced<Output> saturate(Wide sum) {
  if constexpr (std::is_floating_point_v<Output>) {
    return {static_cast<Output>(sum), false};
  } else {
    // NOLINTBEGIN(bugprone-signed-char-misuse): an int8 pixel is a number
    constexpr auto kLeast = static_cast<Wide>(std::numeric_limits<Output>::min());
    constexpr auto kMost = static_cast<Wide>(std::numeric_limits<Output>::max());
    // NOLINTEND(bugprone-signed-char-misuse)
    if (sum > kMost) return {std::numeric_limits<Output>::max(), true};
    if (sum < kLeast) return {std::numeric_limits<Output>::min(), true};
    return {static_cast<Output>(sum), false};
  }
}

template <std::integral Pixel, class Output>
Reduced<Output> reduce_bin(const KernelJob& job, const std::byte* first_pixel) {
  const auto sum = sum_of_bin<Pixel>(job, first_pixel);
  if (!job.mean) return saturate<Output>(sum);
  const auto count = std::uint64_t{job.bin_rows} * job.bin_columns;
  return saturate<Output>(rounded_quotient(sum, static_cast<WideSum<Pixel>>(count)));
}

/// A result that is infinite though no source pixel is did not fit its type.
template <std::floating_point Pixel, class Output>
Reduced<Output> reduce_bin(const KernelJob& job, const std::byte* first_pixel) {
  double sum = 0.0;
  std::uint64_t count = 0;
  bool infinite_source = false;
  for (std::size_t row = 0; row < job.bin_rows; ++row) {
    for (std::size_t column = 0; column < job.bin_columns; ++column) {
      const auto pixel = load_pixel<Pixel>(first_pixel + row * job.row_bytes, column);
      if (std::isnan(pixel)) continue;
      sum += static_cast<double>(pixel);
      ++count;
      infinite_source = infinite_source || std::isinf(pixel);
    }
  }
  if (count == 0) return {std::numeric_limits<Output>::quiet_NaN(), false};
  const double value = job.mean ? sum / static_cast<double>(count) : sum;
  const auto output = static_cast<Output>(value);
  return {output, std::isinf(output) && !infinite_source};
}

template <std::integral Pixel>
void observe_row(const std::byte* row, std::size_t width, IntegerMoments& moments) {
  for (std::size_t column = 0; column < width; ++column) {
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): an int8 pixel is a number
    const Int128 pixel = load_pixel<Pixel>(row, column);
    if (moments.count == 0 || pixel < moments.min) moments.min = pixel;
    if (moments.count == 0 || pixel > moments.max) moments.max = pixel;
    ++moments.count;
    moments.sum += pixel;
    const auto magnitude = static_cast<Uint128>(pixel < 0 ? -pixel : pixel);
    const Uint128 square = magnitude * magnitude;
    moments.squares += square;
    if (moments.squares < square) ++moments.squares_carry;
  }
}

template <std::floating_point Pixel>
FloatRow moments_of_row(const std::byte* row, std::size_t width, const FloatMoments& moments) {
  FloatRow result;
  for (std::size_t column = 0; column < width; ++column) {
    const auto pixel = static_cast<double>(load_pixel<Pixel>(row, column));
    if (std::isnan(pixel)) continue;
    if (result.count == 0 || pixel < result.min) result.min = pixel;
    if (result.count == 0 || pixel > result.max) result.max = pixel;
    ++result.count;
    const double deviation = (pixel - moments.pivot) - moments.row_pivot;
    result.sum += pixel;
    result.deviations += deviation;
    result.squared_deviations += deviation * deviation;
  }
  return result;
}

template <std::floating_point Pixel>
void observe_row(const std::byte* row, std::size_t width, FloatMoments& moments) {
  for (std::size_t column = 0; column < width && !moments.has_pivot; ++column) {
    const auto pixel = load_pixel<Pixel>(row, column);
    if (!std::isfinite(pixel)) continue;
    set_pivot(moments, static_cast<double>(pixel));
    set_row_pivot(moments, moments_of_row<Pixel>(row, width, moments));
  }
  merge(moments, moments_of_row<Pixel>(row, width, moments));
}

/// Writes one row of output and returns how many of its pixels were clipped.
template <class Pixel, class Output>
std::uint64_t reduce_row(const KernelJob& job, const std::byte* first_row, std::byte* output_row) {
  if (job.copies) {
    std::memcpy(output_row, first_row, job.output_width * sizeof(Pixel));
    return 0;
  }
  std::uint64_t clipped = 0;
  const std::size_t bin_bytes = job.bin_columns * sizeof(Pixel);
  for (std::size_t column = 0; column < job.output_width; ++column) {
    const auto reduced = reduce_bin<Pixel, Output>(job, first_row + column * bin_bytes);
    store_pixel(output_row, column, reduced.pixel);
    if (reduced.clipped) ++clipped;
  }
  return clipped;
}

template <class Pixel, class Output>
FrameStatistics reduce_plain(const KernelJob& job) noexcept {
  std::conditional_t<std::is_floating_point_v<Output>, FloatMoments, IntegerMoments> moments;
  const RowCounter count = plain_counter(type_of_pixel<Pixel>());
  const std::size_t width = std::size_t{job.output_width} * job.bin_columns;
  std::uint64_t saturated = 0;
  std::uint64_t clipped = 0;
  for (std::size_t row = 0; row < job.output_height; ++row) {
    const std::byte* first_row = job.source + row * job.bin_rows * job.row_bytes;
    for (std::size_t k = 0; k < job.bin_rows; ++k) {
      saturated += count(job, first_row + k * job.row_bytes, width);
    }
    if (job.output == nullptr) {
      observe_row<Output>(first_row, job.output_width, moments);
      continue;
    }
    std::byte* output_row = job.output + row * job.output_width * sizeof(Output);
    clipped += reduce_row<Pixel, Output>(job, first_row, output_row);
    if (job.observes) observe_row<Output>(output_row, job.output_width, moments);
  }
  FrameStatistics statistics = statistics_of(moments);
  statistics.saturated = capped_count(saturated);
  statistics.clipped = capped_count(clipped);
  return statistics;
}

}  // namespace

Kernel plain_kernel(const ReductionPlan& plan) noexcept {
  const PixelType output = plan.binned.type;
  const bool same = output == plan.corrected.type;
  switch (plan.corrected.type) {
    case PixelType::kUint8:
      if (output == PixelType::kUint16) return reduce_plain<std::uint8_t, std::uint16_t>;
      if (output == PixelType::kUint32) return reduce_plain<std::uint8_t, std::uint32_t>;
      return same ? reduce_plain<std::uint8_t, std::uint8_t>
                  : reduce_plain<std::uint8_t, std::uint64_t>;
    case PixelType::kInt8:
      if (output == PixelType::kInt16) return reduce_plain<std::int8_t, std::int16_t>;
      if (output == PixelType::kInt32) return reduce_plain<std::int8_t, std::int32_t>;
      return same ? reduce_plain<std::int8_t, std::int8_t> : reduce_plain<std::int8_t, double>;
    case PixelType::kUint16:
      if (output == PixelType::kUint32) return reduce_plain<std::uint16_t, std::uint32_t>;
      return same ? reduce_plain<std::uint16_t, std::uint16_t>
                  : reduce_plain<std::uint16_t, std::uint64_t>;
    case PixelType::kInt16:
      if (output == PixelType::kInt32) return reduce_plain<std::int16_t, std::int32_t>;
      return same ? reduce_plain<std::int16_t, std::int16_t> : reduce_plain<std::int16_t, double>;
    case PixelType::kUint32:
      return same ? reduce_plain<std::uint32_t, std::uint32_t>
                  : reduce_plain<std::uint32_t, std::uint64_t>;
    case PixelType::kInt32:
      return same ? reduce_plain<std::int32_t, std::int32_t> : reduce_plain<std::int32_t, double>;
    case PixelType::kUint64:
      return reduce_plain<std::uint64_t, std::uint64_t>;
    case PixelType::kFloat32:
      return reduce_plain<float, float>;
    case PixelType::kFloat64:
      break;
  }
  return reduce_plain<double, double>;
}

float plain_float_bin(const KernelJob& job, const std::byte* first_pixel,
                      std::uint64_t& clipped) noexcept {
  const auto reduced = reduce_bin<float, float>(job, first_pixel);
  if (reduced.clipped) ++clipped;
  return reduced.pixel;
}

std::uint32_t capped_count(std::uint64_t count) noexcept {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(count < kMost ? count : kMost);
}

}  // namespace framelog
