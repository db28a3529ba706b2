#include "reduce/statistics.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace framelog {
namespace {

struct Uint256 {
  Uint128 low{};
  Uint128 high{};
};

constexpr Uint128 low_half(Uint128 value) { return static_cast<std::uint64_t>(value); }
constexpr Uint128 high_half(Uint128 value) { return value >> 64U; }

Uint256 multiply(Uint128 a, Uint128 b) {
  const Uint128 low = low_half(a) * low_half(b);
  const Uint128 cross_a = high_half(a) * low_half(b);
  const Uint128 cross_b = low_half(a) * high_half(b);
  const Uint128 middle = high_half(low) + low_half(cross_a) + low_half(cross_b);
  return {(middle << 64U) | low_half(low), high_half(a) * high_half(b) + high_half(cross_a) +
                                               high_half(cross_b) + high_half(middle)};
}

Uint256 subtract(Uint256 a, Uint256 b) {
  return {a.low - b.low, a.high - b.high - (a.low < b.low ? 1U : 0U)};
}

int leading_zeros(Uint128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64U);
  return high != 0 ? std::countl_zero(high)
                   : 64 + std::countl_zero(static_cast<std::uint64_t>(value));
}

/// Rounded once: 128 leading bits, the rest as one sticky bit.
double to_double(Uint256 value) {
  if (value.high == 0) return static_cast<double>(value.low);
  const int shift = leading_zeros(value.high);
  Uint128 leading = value.high;
  Uint128 rest = value.low;
  if (shift > 0) {
    // NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift): `high` is not 0, so shift < 128
    leading = (value.high << shift) | (value.low >> (128 - shift));
    rest = value.low << shift;
  }
  if (rest != 0) leading |= 1U;
  return std::ldexp(static_cast<double>(leading), 128 - shift);
}

/// Mean of the row as an offset from the frame's pivot.
double mean_offset(const FloatMoments& moments, const FloatRow& row) {
  return moments.row_pivot + row.deviations / static_cast<double>(row.count);
}

void add_compensated(FloatMoments& moments, double value) {
  const double total = moments.sum + value;
  if (std::isfinite(total)) {
    moments.sum_error += std::abs(moments.sum) >= std::abs(value) ? (moments.sum - total) + value
                                                                  : (value - total) + moments.sum;
  }
  moments.sum = total;
}

}  // namespace

FrameStatistics statistics_of(const IntegerMoments& moments) noexcept {
  const auto count = static_cast<double>(moments.count);
  const auto magnitude = static_cast<Uint128>(moments.sum < 0 ? -moments.sum : moments.sum);
  Uint256 scaled_squares = multiply(moments.squares, moments.count);
  scaled_squares.high += Uint128{moments.squares_carry} * moments.count;
  const Uint256 variance = subtract(scaled_squares, multiply(magnitude, magnitude));

  FrameStatistics statistics;
  statistics.min = static_cast<double>(moments.min);
  statistics.max = static_cast<double>(moments.max);
  statistics.sum = static_cast<double>(moments.sum);
  statistics.mean = statistics.sum / count;
  statistics.std = std::sqrt(to_double(variance)) / count;
  return statistics;
}

void set_pivot(FloatMoments& moments, double first_finite) noexcept {
  moments.has_pivot = true;
  moments.pivot = first_finite;
}

void set_row_pivot(FloatMoments& moments, const FloatRow& row) noexcept {
  if (row.count == 0) return;
  const double mean = mean_offset(moments, row);
  if (std::isfinite(mean)) moments.row_pivot = mean;
}

void merge(FloatMoments& moments, const FloatRow& row) noexcept {
  if (row.count == 0) return;
  const double mean = mean_offset(moments, row);
  const auto row_count = static_cast<double>(row.count);
  double squared = row.squared_deviations - row.deviations * row.deviations / row_count;
  squared = std::max(squared, 0.0);

  if (moments.count == 0) {
    moments.min = row.min;
    moments.max = row.max;
    moments.mean = mean;
    moments.squared_deviations = squared;
  } else {
    const auto before = static_cast<double>(moments.count);
    const double share = row_count / (before + row_count);
    const double step = mean - moments.mean;
    moments.min = row.min < moments.min ? row.min : moments.min;
    moments.max = row.max > moments.max ? row.max : moments.max;
    moments.mean += step * share;
    moments.squared_deviations += squared + step * step * (before * share);
  }
  moments.count += row.count;
  add_compensated(moments, row.sum);
  set_row_pivot(moments, row);
}

FrameStatistics statistics_of(const FloatMoments& moments) noexcept {
  FrameStatistics statistics;
  if (moments.count == 0) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    statistics.min = statistics.max = statistics.mean = statistics.std = kNan;
    return statistics;
  }
  const auto count = static_cast<double>(moments.count);
  statistics.min = moments.min;
  statistics.max = moments.max;
  statistics.sum = moments.sum + moments.sum_error;
  statistics.mean = statistics.sum / count;
  statistics.std = std::sqrt(moments.squared_deviations / count);
  return statistics;
}

}  // namespace framelog
