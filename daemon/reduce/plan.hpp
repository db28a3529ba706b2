#pragma once

#include <cstdint>
#include <optional>

#include "core/frame.hpp"
#include "core/option.hpp"
#include "core/result.hpp"

namespace framelog {

enum class BinMode : std::uint8_t { kSum, kMean };

/// What a product asks for, in the order in which it is applied.
struct ReductionSpec {
  std::optional<RegionSpec> roi;
  Binning bin;
  BinMode bin_mode{BinMode::kSum};
};

/// A reduction that fits its source: everything that a frame's arithmetic needs, decided once.
struct ReductionPlan {
  FrameShape source;
  FrameShape output;
  Region region;  ///< Effective: what a last incomplete bin would need is cut off.
  Binning bin;
  BinMode bin_mode{BinMode::kSum};
  double saturation{};  ///< Source pixels at or above it count as saturated; infinity: none do.
  bool identity{};      ///< The output is the source frame, byte for byte.
};

/// Most source pixels that one bin takes: a sum of as many 32-bit pixels fits 64 bits.
inline constexpr std::uint64_t kMostPixelsPerBin = std::uint64_t{1} << 31U;

/// Output type by default: sums of integers get the smallest type of the same sign that holds the
/// largest sum (int32 sums, which no pixel type holds, become float64; uint64 sums stay and
/// saturate), means and floats keep the source's type. Without `saturation` no pixel counts as
/// saturated. Errors: kInvalid, with what is allowed: an empty frame, a region outside the frame or
/// empty, binning of 0, larger than the region or of more than kMostPixelsPerBin, a saturation
/// value that is not a number.
[[nodiscard]] Result<ReductionPlan> make_plan(const FrameShape& source, const ReductionSpec& spec,
                                              std::optional<double> saturation);

}  // namespace framelog
