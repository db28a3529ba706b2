#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/frame.hpp"
#include "core/option.hpp"
#include "core/result.hpp"

namespace framelog {

class Correction;

enum class BinMode : std::uint8_t { kSum, kMean };
enum class AccumulateMode : std::uint8_t { kSum, kMean };

/// A linear map of pixel values, [from_min, from_max] to [to_min, to_max].
struct Renormalisation {
  double from_min{};
  double from_max{};
  double to_min{};
  double to_max{};
  friend bool operator==(const Renormalisation&, const Renormalisation&) = default;
};

/// What a product asks for, in the order in which it is applied.
struct ReductionSpec {
  /// Dark, flat and bad pixels. Shared by the reducers of all threads and by the products that name
  /// the same files; it is large and never changes.
  std::shared_ptr<const Correction> correction;
  std::optional<RegionSpec> roi;
  Binning bin;
  BinMode bin_mode{BinMode::kSum};
  std::uint32_t accumulate{1};  ///< Frames that are combined into one, at most kMostAccumulated.
  AccumulateMode accumulate_mode{AccumulateMode::kSum};
  std::optional<PixelType> dtype;  ///< By default the combined frame's type.
  std::optional<Renormalisation> renormalise;
};

/// A reduction that fits its source: everything that a frame's arithmetic needs, decided once.
struct ReductionPlan {
  FrameShape source;
  FrameShape corrected;  ///< Behind the correction; the source's size.
  FrameShape binned;     ///< Behind crop and bin.
  FrameShape combined;   ///< Behind accumulation.
  FrameShape output;     ///< Behind conversion.
  std::shared_ptr<const Correction> correction;
  Region region;  ///< Effective: what a last incomplete bin would need is cut off.
  Binning bin;
  BinMode bin_mode{BinMode::kSum};
  std::uint32_t accumulate{1};
  AccumulateMode accumulate_mode{AccumulateMode::kSum};
  std::optional<Renormalisation> renormalise;
  double saturation{};  ///< Source pixels at or above it count as saturated; infinity: none do.
  bool identity{};      ///< The output is the source frame, byte for byte.
};

/// Most source pixels that one bin takes: a sum of as many 32-bit pixels fits 64 bits.
inline constexpr std::uint64_t kMostPixelsPerBin = std::uint64_t{1} << 31U;
/// Most frames that become one: the frame record counts them in 16 bits.
inline constexpr std::uint32_t kMostAccumulated = 65535;

/// Types by default. Corrected: the source's where only bad pixels are replaced; with a dark or a
/// flat float32, and float64 for sources of 32 bits integer or 64 bits. Sums of integers, over bins
/// as over frames, get the smallest type of the same sign that holds the largest sum (of int32,
/// which no pixel type holds, they become float64; of uint64 they stay and saturate); means and
/// floats keep their type. Without `saturation` no pixel counts as saturated. Errors: kInvalid,
/// with what is allowed: an empty frame, a correction of another size, a region outside the frame
/// or empty, binning of 0, larger than the region or of more than kMostPixelsPerBin, accumulation
/// of 0 or of more than kMostAccumulated, renormalisation from an empty range or with a bound that
/// is not finite, a saturation value that is not a number. The error's `what` is the key: "roi",
/// "bin", "accumulate", "dtype", "renormalise", "dark", "flat", "bad_pixels", "frame",
/// "saturation".
[[nodiscard]] Result<ReductionPlan> make_plan(const FrameShape& source, const ReductionSpec& spec,
                                              std::optional<double> saturation);

}  // namespace framelog
