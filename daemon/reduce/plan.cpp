#include "reduce/plan.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <span>

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

/// The first of `candidates`, narrowest first, that holds `pixels_per_bin` extreme pixels.
PixelType narrowest(std::span<const PixelType> candidates, PixelType source,
                    std::uint64_t pixels_per_bin) {
  const auto pixels = static_cast<double>(pixels_per_bin);
  // The least value decides for signed types: -128 has the greater magnitude. All these products
  // are below 2^63, and the comparisons are exact where they matter.
  const double most = largest_value(source) * pixels;
  const double least = is_signed(source) ? -(largest_value(source) + 1) * pixels : 0.0;
  for (const PixelType type : candidates) {
    const double type_least = is_signed(type) ? -(largest_value(type) + 1) : 0.0;
    if (most <= largest_value(type) && least >= type_least) return type;
  }
  return candidates.back();
}

PixelType output_type(PixelType source, const Binning& bin, BinMode mode) {
  constexpr std::array kUnsigned{PixelType::kUint8, PixelType::kUint16, PixelType::kUint32,
                                 PixelType::kUint64};
  constexpr std::array kSigned{PixelType::kInt8, PixelType::kInt16, PixelType::kInt32,
                               PixelType::kFloat64};
  const std::uint64_t pixels = std::uint64_t{bin.rows} * bin.columns;
  if (is_float(source) || mode == BinMode::kMean || pixels == 1) return source;
  if (is_signed(source)) return narrowest(kSigned, source, pixels);
  return narrowest(kUnsigned, source, pixels);
}

}  // namespace

Result<ReductionPlan> make_plan(const FrameShape& source, const ReductionSpec& spec,
                                std::optional<double> saturation) {
  if (source.height_px == 0 || source.width_px == 0) {
    return fail(ErrorCode::kInvalid, "frame",
                to_string(source) + " is empty: height and width must be 1 or more");
  }
  if (saturation && std::isnan(*saturation)) {
    return fail(ErrorCode::kInvalid, "saturation", "must be a number, not NaN");
  }
  const auto asked = resolve_region(source, spec.roi.value_or(RegionSpec{}));
  if (!asked) return std::unexpected(asked.error());
  if (auto checked = check_binning(spec.bin, *asked); !checked) {
    return std::unexpected(checked.error());
  }

  ReductionPlan plan;
  plan.source = source;
  plan.bin = spec.bin;
  plan.bin_mode = spec.bin_mode;
  plan.saturation = saturation.value_or(std::numeric_limits<double>::infinity());
  plan.output.height_px = asked->height_px() / spec.bin.rows;
  plan.output.width_px = asked->width_px() / spec.bin.columns;
  plan.output.type = output_type(source.type, spec.bin, spec.bin_mode);
  plan.region = *asked;
  plan.region.y_stop = asked->y_start + plan.output.height_px * spec.bin.rows;
  plan.region.x_stop = asked->x_start + plan.output.width_px * spec.bin.columns;
  plan.identity = plan.output == source;
  return plan;
}

}  // namespace framelog
