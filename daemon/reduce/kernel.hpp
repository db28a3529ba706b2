#pragma once

#include <cstddef>
#include <cstdint>

#include "core/frame.hpp"
#include "reduce/plan.hpp"
#include "reduce/statistics.hpp"

namespace framelog {

/// One frame's work as a kernel sees it: plain values, so that the kernels need no inline function
/// of another header. Pixels may lie at any address; nothing is assumed about alignment.
struct KernelJob {
  const std::byte* source{};      ///< First pixel of the effective region.
  std::size_t row_bytes{};        ///< From one source row to the next.
  std::byte* output{};            ///< Null when the plan is the identity.
  std::byte* accumulator{};       ///< 64 bits per source column and 64 bytes more, aligned to 64.
  std::uint32_t output_height{};  ///< Bins, vertically.
  std::uint32_t output_width{};   ///< Bins, horizontally.
  std::uint32_t bin_rows{1};
  std::uint32_t bin_columns{1};
  bool mean{};
  bool observes{true};        ///< Whether the output's moments are wanted.
  bool copies{};              ///< Bins of 1 x 1: output pixels are source pixels.
  Int128 saturation{};        ///< Integers: pixels at or above it count.
  double float_saturation{};  ///< Floats: likewise; NaN: none do.
};

/// Reduces one frame; allocates nothing. `saturated` is capped at 2^32 - 1.
using Kernel = FrameStatistics (*)(const KernelJob& job) noexcept;

/// The plain loop of the plan's types; there is one for every plan.
[[nodiscard]] Kernel plain_kernel(const ReductionPlan& plan) noexcept;
/// The vector kernel, or null where the types or the binning have none.
[[nodiscard]] Kernel baseline_kernel(const ReductionPlan& plan) noexcept;
/// Likewise; always null on processors other than x86-64.
[[nodiscard]] Kernel v3_kernel(const ReductionPlan& plan) noexcept;

/// How many of `pixels` neighbouring pixels are at or above the job's saturation.
using RowCounter = std::uint64_t (*)(const KernelJob& job, const std::byte* row,
                                     std::size_t pixels) noexcept;
[[nodiscard]] RowCounter plain_counter(PixelType type) noexcept;
/// Null where the plain one is to do it, here and below.
[[nodiscard]] RowCounter baseline_counter(PixelType type) noexcept;
[[nodiscard]] RowCounter v3_counter(PixelType type) noexcept;

/// result = sums + pixels, `width` of each, in the accumulator's type (accumulator.hpp); null sums
/// are all 0. Of floats, sums and result have behind them how many pixels, without NaN, each is of.
using RowAdder = void (*)(const std::byte* pixels, const std::byte* sums, std::byte* result,
                          std::size_t width) noexcept;
[[nodiscard]] RowAdder plain_adder(PixelType type) noexcept;
[[nodiscard]] RowAdder baseline_adder(PixelType type) noexcept;
[[nodiscard]] RowAdder v3_adder(PixelType type) noexcept;

/// One float32 bin by the plain loop, for vector kernels that met a NaN in it; counts it in
/// `clipped` if it was.
[[nodiscard]] float plain_float_bin(const KernelJob& job, const std::byte* first_pixel,
                                    std::uint64_t& clipped) noexcept;

/// Number as the frame record holds it.
[[nodiscard]] std::uint32_t capped_count(std::uint64_t count) noexcept;

}  // namespace framelog
