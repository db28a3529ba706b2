#pragma once

#include <cstdint>

#include "core/frame.hpp"
#include "reduce/wide_integer.hpp"

namespace framelog {

// What the kernels gather while they walk a frame, and the one place where it becomes statistics,
// so that every set of kernels rounds alike. Nothing here is inline: what the v3 kernels inlined
// and emitted could be picked by the linker for processors without AVX2.

/// Exact moments of integer pixels.
struct IntegerMoments {
  std::uint64_t count{};
  Int128 min{};
  Int128 max{};
  Int128 sum{};
  Uint128 squares{};              ///< Sum of squares, modulo 2^128 ...
  std::uint64_t squares_carry{};  ///< ... and how often it passed 2^128.
};

/// Rounds once from the exact integers: sum; variance as (n * squares - sum^2) / n^2.
[[nodiscard]] FrameStatistics statistics_of(const IntegerMoments& moments) noexcept;

/// Moments of the pixels of one row that are not NaN. With d = (x - FloatMoments::pivot) -
/// FloatMoments::row_pivot.
struct FloatRow {
  std::uint64_t count{};
  double min{};
  double max{};
  double sum{};                 ///< Of x.
  double deviations{};          ///< Sum of d.
  double squared_deviations{};  ///< Sum of d^2.
};

/// Moments of float pixels, merged row by row after Chan, Golub and LeVeque (1979). Rows are summed
/// about the mean of the row before, so that one pass over a row is as stable as two; all means are
/// offsets from a pixel of the frame, so that a constant frame has a deviation of exactly 0.
struct FloatMoments {
  std::uint64_t count{};
  double min{};
  double max{};
  double sum{};
  double sum_error{};  ///< What `sum` lost to rounding (Neumaier).
  bool has_pivot{};
  double pivot{};      ///< The first finite pixel.
  double row_pivot{};  ///< Offset from `pivot`: mean of the row before.
  double mean{};       ///< Offset from `pivot`.
  double squared_deviations{};
};

/// Takes `first_finite` as the pivot and the row's own mean, of which `row` was the first sighting,
/// as the row pivot; the row is then to be summed again.
void set_pivot(FloatMoments& moments, double first_finite) noexcept;
void set_row_pivot(FloatMoments& moments, const FloatRow& row) noexcept;
void merge(FloatMoments& moments, const FloatRow& row) noexcept;

/// NaN (and a sum of 0) where there is no pixel that is not NaN. With an infinite pixel the
/// deviation is NaN, as the arithmetic has it.
[[nodiscard]] FrameStatistics statistics_of(const FloatMoments& moments) noexcept;

}  // namespace framelog
