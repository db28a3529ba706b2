#include "reduce/plan.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "reduce/correction.hpp"

namespace framelog {
namespace {

/// One axis of a region, half-open.
struct Extent {
  std::uint32_t start{};
  std::uint32_t stop{};
};

Result<Extent> resolve_axis(char axis, std::optional<std::uint32_t> start,
                            std::optional<std::uint32_t> stop, std::uint32_t size_px) {
  const Extent extent{start.value_or(0), stop.value_or(size_px)};
  const auto written = fmt::format("{}={}:{}", axis, extent.start, extent.stop);
  if (extent.stop > size_px || extent.start > size_px) {
    return fail(ErrorCode::kInvalid, "roi",
                fmt::format("{} reaches outside the frame ({}=0:{})", written, axis, size_px));
  }
  if (extent.start >= extent.stop) {
    return fail(ErrorCode::kInvalid, "roi",
                fmt::format("{} is empty: the start must be below the stop, within {}=0:{}",
                            written, axis, size_px));
  }
  return extent;
}

Result<Region> resolve_region(const FrameShape& source, const RegionSpec& roi) {
  const auto y = resolve_axis('y', roi.y_start, roi.y_stop, source.height_px);
  if (!y) return std::unexpected(y.error());
  const auto x = resolve_axis('x', roi.x_start, roi.x_stop, source.width_px);
  if (!x) return std::unexpected(x.error());
  return Region{y->start, y->stop, x->start, x->stop};
}

Result<void> check_binning(const Binning& bin, const Region& region) {
  const auto written = fmt::format("{}x{}", bin.rows, bin.columns);
  if (bin.rows == 0 || bin.columns == 0) {
    return fail(ErrorCode::kInvalid, "bin",
                written + " is not possible: rows and columns must be 1 or more");
  }
  if (bin.rows > region.height_px() || bin.columns > region.width_px()) {
    return fail(ErrorCode::kInvalid, "bin",
                fmt::format("{} is larger than the region ({} x {})", written, region.height_px(),
                            region.width_px()));
  }
  if (std::uint64_t{bin.rows} * bin.columns > kMostPixelsPerBin) {
    return fail(
        ErrorCode::kInvalid, "bin",
        fmt::format("{} has too many pixels: {} per bin at most", written, kMostPixelsPerBin));
  }
  return {};
}

Result<void> check_correction(const FrameShape& source, const Correction* correction) {
  if (correction == nullptr || correction->source() == source) return {};
  const char* what = "bad_pixels";
  if (correction->has_flat()) what = "flat";
  if (correction->has_dark()) what = "dark";
  return fail(ErrorCode::kInvalid, what,
              fmt::format("is of {}: the frames are {}", to_string(correction->source()),
                          to_string(source)));
}

Result<void> check_accumulation(std::uint32_t frames) {
  if (frames >= 1 && frames <= kMostAccumulated) return {};
  return fail(ErrorCode::kInvalid, "accumulate",
              fmt::format("{} is not possible: 1 to {} frames", frames, kMostAccumulated));
}

Result<void> check_renormalisation(const Renormalisation& map) {
  const auto written =
      fmt::format("[{}, {}] to [{}, {}]", map.from_min, map.from_max, map.to_min, map.to_max);
  // A difference of finite bounds may be infinite as well.
  if (!std::isfinite(map.from_max - map.from_min) || !std::isfinite(map.to_max - map.to_min)) {
    return fail(ErrorCode::kInvalid, "renormalise",
                written + ": all bounds and their differences must be finite numbers");
  }
  if (map.from_min >= map.from_max) {
    return fail(
        ErrorCode::kInvalid, "renormalise",
        written + ": the range that it maps from is empty, its start must be below its end");
  }
  return {};
}

/// What is wrong with anything but the region and the binning.
Result<void> check_values(const FrameShape& source, const ReductionSpec& spec,
                          std::optional<double> saturation) {
  if (source.height_px == 0 || source.width_px == 0) {
    return fail(ErrorCode::kInvalid, "frame",
                to_string(source) + " is empty: height and width must be 1 or more");
  }
  if (saturation && std::isnan(*saturation)) {
    return fail(ErrorCode::kInvalid, "saturation", "must be a number, not NaN");
  }
  if (auto checked = check_correction(source, spec.correction.get()); !checked) return checked;
  if (auto checked = check_accumulation(spec.accumulate); !checked) return checked;
  return spec.renormalise ? check_renormalisation(*spec.renormalise) : Result<void>{};
}

/// The first of `candidates`, narrowest first, that holds `pixels` extreme pixels.
PixelType narrowest(std::span<const PixelType> candidates, PixelType source, double pixels) {
  // The least value decides for signed types: -128 has the greater magnitude. Products of up to
  // 2^53 are exact; beyond, none but the last candidate is left.
  const double most = largest_value(source) * pixels;
  const double least = is_signed(source) ? -(largest_value(source) + 1) * pixels : 0.0;
  for (const PixelType type : candidates) {
    const double type_least = is_signed(type) ? -(largest_value(type) + 1) : 0.0;
    if (most <= largest_value(type) && least >= type_least) return type;
  }
  return candidates.back();
}

/// The type of a sum of `pixels` pixels.
PixelType sum_type(PixelType source, std::uint64_t pixels) {
  constexpr std::array kUnsigned{PixelType::kUint8, PixelType::kUint16, PixelType::kUint32,
                                 PixelType::kUint64};
  constexpr std::array kSigned{PixelType::kInt8, PixelType::kInt16, PixelType::kInt32,
                               PixelType::kFloat64};
  if (is_float(source) || pixels == 1) return source;
  const auto count = static_cast<double>(pixels);
  if (is_signed(source)) return narrowest(kSigned, source, count);
  return narrowest(kUnsigned, source, count);
}

/// The types behind correction, binning, accumulation and conversion.
void decide_types(const ReductionSpec& spec, ReductionPlan& plan) {
  const std::uint64_t pixels_per_bin =
      spec.bin_mode == BinMode::kSum ? std::uint64_t{spec.bin.rows} * spec.bin.columns : 1;
  const std::uint64_t frames =
      spec.accumulate_mode == AccumulateMode::kSum ? std::uint64_t{spec.accumulate} : 1;
  const PixelType corrected = spec.correction ? spec.correction->output_type() : plan.source.type;
  plan.corrected.type = corrected;
  plan.binned.type = sum_type(corrected, pixels_per_bin);
  // What no integer holds once, as float64, stays that.
  plan.combined.type = is_float(plan.binned.type) || frames == 1
                           ? plan.binned.type
                           : sum_type(corrected, pixels_per_bin * frames);
  plan.output.type = spec.dtype.value_or(plan.combined.type);
}

}  // namespace

Result<ReductionPlan> make_plan(const FrameShape& source, const ReductionSpec& spec,
                                std::optional<double> saturation) {
  if (auto checked = check_values(source, spec, saturation); !checked) {
    return std::unexpected(checked.error());
  }
  const auto asked = resolve_region(source, spec.roi.value_or(RegionSpec{}));
  if (!asked) return std::unexpected(asked.error());
  if (auto checked = check_binning(spec.bin, *asked); !checked) {
    return std::unexpected(checked.error());
  }

  ReductionPlan plan;
  plan.source = plan.corrected = source;
  plan.correction = spec.correction;
  plan.bin = spec.bin;
  plan.bin_mode = spec.bin_mode;
  plan.accumulate = spec.accumulate;
  plan.accumulate_mode = spec.accumulate_mode;
  plan.renormalise = spec.renormalise;
  plan.saturation = saturation.value_or(std::numeric_limits<double>::infinity());
  plan.binned.height_px = asked->height_px() / spec.bin.rows;
  plan.binned.width_px = asked->width_px() / spec.bin.columns;
  plan.combined = plan.output = plan.binned;
  decide_types(spec, plan);
  plan.region = *asked;
  plan.region.y_stop = asked->y_start + plan.binned.height_px * spec.bin.rows;
  plan.region.x_stop = asked->x_start + plan.binned.width_px * spec.bin.columns;
  plan.identity =
      plan.output == source && !spec.correction && spec.accumulate == 1 && !spec.renormalise;
  return plan;
}

}  // namespace framelog
