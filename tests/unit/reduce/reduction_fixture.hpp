#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "reduce/reducer.hpp"

namespace framelog::testing {

template <class Pixel>
constexpr PixelType pixel_type() {
  if constexpr (std::is_same_v<Pixel, std::uint8_t>) return PixelType::kUint8;
  if constexpr (std::is_same_v<Pixel, std::int8_t>) return PixelType::kInt8;
  if constexpr (std::is_same_v<Pixel, std::uint16_t>) return PixelType::kUint16;
  if constexpr (std::is_same_v<Pixel, std::int16_t>) return PixelType::kInt16;
  if constexpr (std::is_same_v<Pixel, std::uint32_t>) return PixelType::kUint32;
  if constexpr (std::is_same_v<Pixel, std::int32_t>) return PixelType::kInt32;
  if constexpr (std::is_same_v<Pixel, std::uint64_t>) return PixelType::kUint64;
  if constexpr (std::is_same_v<Pixel, float>) return PixelType::kFloat32;
  return PixelType::kFloat64;
}

inline constexpr std::size_t kGuardBytes = 96;
inline constexpr std::byte kGuard{0xA5};

/// What one run gave: the output's bytes (the source's for the identity) and the statistics.
struct Reduced {
  std::vector<std::byte> bytes;
  FrameStatistics statistics;

  template <class Pixel>
  [[nodiscard]] std::vector<Pixel> pixels() const {
    std::vector<Pixel> result(bytes.size() / sizeof(Pixel));
    if (!result.empty()) std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};

/// Runs one reduction with source and output `misalignment_bytes` off a cache line. The source ends
/// with its allocation, so that the address sanitizer sees what reads past it; the output lies
/// between guard bytes.
inline Reduced run(const ReductionPlan& plan, KernelSet kernels,
                   const std::vector<std::byte>& source, std::size_t misalignment_bytes = 0) {
  std::vector<std::byte> shifted(source.size() + misalignment_bytes);
  std::memcpy(shifted.data() + misalignment_bytes, source.data(), source.size());
  const std::size_t output_bytes = plan.identity ? 0 : size_bytes(plan.output);
  const std::size_t before = kGuardBytes + misalignment_bytes;
  std::vector<std::byte> output(before + output_bytes + kGuardBytes, kGuard);
  Reducer reducer(plan, kernels);
  Reduced result;
  result.statistics = reducer.run(std::span<const std::byte>(shifted).subspan(misalignment_bytes),
                                  std::span(output).subspan(before, output_bytes));
  for (std::size_t i = 0; i < output.size(); ++i) {
    const bool is_guard = i < before || i >= before + output_bytes;
    if (is_guard && output[i] != kGuard) {
      ADD_FAILURE() << "wrote outside the output, at byte "
                    << static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(before);
      break;
    }
  }
  const auto* first = output.data() + before;
  result.bytes = plan.identity ? source : std::vector<std::byte>(first, first + output_bytes);
  return result;
}

inline ReductionSpec spec_of(std::optional<RegionSpec> roi, Binning bin = {},
                             BinMode mode = BinMode::kSum) {
  ReductionSpec spec;
  spec.roi = roi;
  spec.bin = bin;
  spec.bin_mode = mode;
  return spec;
}

template <class Pixel>
std::vector<std::byte> bytes_of(const std::vector<Pixel>& pixels) {
  std::vector<std::byte> bytes(pixels.size() * sizeof(Pixel));
  if (!bytes.empty()) std::memcpy(bytes.data(), pixels.data(), bytes.size());
  return bytes;
}

/// One frame by hand through one set of kernels.
template <class Pixel>
Reduced reduce(std::uint32_t height, std::uint32_t width, const std::vector<Pixel>& pixels,
               const ReductionSpec& spec, std::optional<double> saturation = {},
               KernelSet kernels = KernelSet::kPlain) {
  const auto plan = make_plan({height, width, pixel_type<Pixel>()}, spec, saturation);
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : describe(plan.error()));
  EXPECT_EQ(pixels.size(), std::size_t{height} * width);
  return plan ? run(*plan, kernels, bytes_of(pixels)) : Reduced{};
}

inline std::vector<KernelSet> sets_here() {
  std::vector<KernelSet> sets{KernelSet::kPlain};
  for (const KernelSet set : {KernelSet::kBaseline, KernelSet::kV3}) {
    if (set <= best_kernels()) sets.push_back(set);
  }
  return sets;
}

}  // namespace framelog::testing
