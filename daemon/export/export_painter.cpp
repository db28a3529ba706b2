#include "export/export_painter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/clock.hpp"

namespace framelog {
namespace {

using Kind = ContrastRequest::Kind;

/// Recording's pixels that one of the result's stands for.
std::array<double, 2> pixels_each(const ResultFacts& result) {
  const auto ratio = [](const IndexRange& range, std::uint32_t size) {
    return size == 0 ? 1.0 : std::max(1.0, static_cast<double>(range.size()) / size);
  };
  return {ratio(result.region[0], result.slice.height_px),
          ratio(result.region[1], result.slice.width_px)};
}

/// Where a place in the recording's frame is in the result's; centres of pixels are whole numbers.
double placed(double place, const IndexRange& range, double each) {
  return (place + 0.5 - static_cast<double>(range.start)) / each - 0.5;
}

std::uint32_t edge(std::uint32_t place, const IndexRange& range, double each, std::uint32_t size) {
  const double moved = (static_cast<double>(place) - static_cast<double>(range.start)) / each;
  return static_cast<std::uint32_t>(std::clamp(std::round(moved), 0.0, static_cast<double>(size)));
}

Region moved(const Region& region, const ResultFacts& result) {
  const auto [each_y, each_x] = pixels_each(result);
  const auto& [y, x] = result.region;
  return {edge(region.y_start, y, each_y, result.slice.height_px),
          edge(region.y_stop, y, each_y, result.slice.height_px),
          edge(region.x_start, x, each_x, result.slice.width_px),
          edge(region.x_stop, x, each_x, result.slice.width_px)};
}

Mask moved(const Mask& mask, const ResultFacts& result) {
  const auto [each_y, each_x] = pixels_each(result);
  Mask smaller{result.slice.height_px, result.slice.width_px, {}};
  for (std::uint32_t row = 0; row < smaller.height_px; ++row) {
    for (std::uint32_t column = 0; column < smaller.width_px; ++column) {
      const auto y = static_cast<std::size_t>((row + 0.5) * each_y) + result.region[0].start;
      const auto x = static_cast<std::size_t>((column + 0.5) * each_x) + result.region[1].start;
      const std::size_t at = y * mask.width_px + x;
      smaller.values.push_back(at < mask.values.size() ? mask.values[at] : 0);
    }
  }
  return smaller;
}

/// The pixel size that was given, of the recording's pixels, in place of what is known; time keeps
/// its own.
void put_pixel_size(std::array<AxisFacts, 2>& axes, const ResultFacts& result,
                    const PictureRequest& picture) {
  if (!picture.pixel_size) return;
  const auto each = pixels_each(result);
  for (AxisFacts& axis : axes) {
    if (axis.axis == Axis::kTime) continue;
    const double binned = axis.axis == Axis::kY ? each[0] : axis.axis == Axis::kX ? each[1] : 1;
    const double step = *picture.pixel_size * binned;
    axis.origin = axis.step != 0 ? axis.origin / axis.step * step : 0;
    axis.step = step;
    axis.unit = picture.pixel_unit;
  }
}

/// Axes of a slice for scale bar and ticks.
std::array<AxisFacts, 2> axes_of(const ResultFacts& result, const PictureRequest& picture) {
  std::array<AxisFacts, 2> axes{AxisFacts{Axis::kY, result.slice.height_px, 0, 1, ""},
                                AxisFacts{Axis::kX, result.slice.width_px, 0, 1, ""}};
  if (result.axes.size() >= 2) {
    axes = {result.axes[result.axes.size() - 2], result.axes.back()};
  }
  put_pixel_size(axes, result, picture);
  return axes;
}

/// From where time stamps count, as the axis of time does; a part of a recording keeps its times.
std::int64_t start_of(Recording& recording) {
  const auto first = recording.note(0);
  if (!first) return -1;
  const std::int64_t start_ns = recording.facts().start_utc_ns;
  return start_ns >= 0 && start_ns <= first->info.utc_ns ? start_ns : first->info.utc_ns;
}

Result<ContrastLimits> limits_of(const FrameShape& shape, std::span<const std::byte> pixels,
                                 const ExportRequest& request) {
  auto limits = find_limits(shape, pixels, request.picture.contrast);
  if (!limits || !request.white) return limits;
  const auto white = find_limits(shape, pixels, *request.white);
  if (!white) return white;
  limits->high = white->high;
  return limits;
}

}  // namespace

std::vector<DetectorSpec> detectors_in(const ResultFacts& result,
                                       std::span<const DetectorSpec> detectors) {
  const auto [each_y, each_x] = pixels_each(result);
  const double each = (each_y + each_x) / 2;
  std::vector<DetectorSpec> all;
  for (const DetectorSpec& detector : detectors) {
    DetectorSpec inside{detector.name, {}};
    const auto centre = [&](double y, double x) {
      return std::pair{placed(y, result.region[0], each_y), placed(x, result.region[1], each_x)};
    };
    if (const auto* disc = std::get_if<Disc>(&detector.area)) {
      const auto [y, x] = centre(disc->center_y, disc->center_x);
      inside.area = Disc{y, x, disc->outer / each};
    } else if (const auto* annulus = std::get_if<Annulus>(&detector.area)) {
      const auto [y, x] = centre(annulus->center_y, annulus->center_x);
      inside.area = Annulus{y, x, annulus->inner / each, annulus->outer / each};
    } else if (const auto* rectangle = std::get_if<Rectangle>(&detector.area)) {
      inside.area = Rectangle{moved(rectangle->region, result)};
    } else {
      inside.area = moved(std::get<Mask>(detector.area), result);
    }
    all.push_back(std::move(inside));
  }
  return all;
}

std::vector<Region> regions_in(const ResultFacts& result, std::span<const Region> regions) {
  std::vector<Region> inside;
  for (const Region& region : regions) inside.push_back(moved(region, result));
  return inside;
}

Result<std::optional<ContrastLimits>> stack_limits(ResultFrames& frames,
                                                   const ExportRequest& request) {
  const ContrastRequest& contrast = request.picture.contrast;
  if (contrast.kind == Kind::kPerFrame) return std::nullopt;
  auto limits = find_limits(frames, contrast);
  if (!limits) return std::unexpected(limits.error());
  if (request.white) {
    const auto white = find_limits(frames, *request.white);
    if (!white) return std::unexpected(white.error());
    limits->high = white->high;
  }
  if (limits->low > limits->high) {
    return fail(ErrorCode::kInvalid, "--zmin",
                fmt::format("black ({:g}) is above white ({:g})", limits->low, limits->high));
  }
  return *limits;
}

Painter::Painter(const ExportRequest& request, const ExportPlan& plan,
                 std::vector<std::optional<ContrastLimits>> limits)
    : request_(request),
      picture_(request.picture),
      result_(plan.result),
      shapes_(plan.slices),
      limits_(std::move(limits)) {
  facts_.axes = axes_of(plan.result, request.picture);
  facts_.detectors = detectors_in(plan.result, plan.detectors);
  facts_.regions = regions_in(plan.result, request.regions);
  if (plan.result.has_times && plan.result.frames_in_order && picture_.timestamps) {
    start_ns_ = start_of(plan.recording());
  }
}

std::string Painter::time_text(const ResultSlice& slice) const {
  const MovieRequest& movie = request_.movie;
  if (movie.initial_time || movie.time_step) {
    const double time = movie.initial_time.value_or(0) +
                        movie.time_step.value_or(1) * static_cast<double>(slice.index);
    return fmt::format("{:g} {}", time, movie.time_unit);
  }
  if (start_ns_ < 0 || slice.note.info.utc_ns < 0) return fmt::format("{}", slice.frame);
  return fmt::format("{:.3f} s", static_cast<double>(slice.note.info.utc_ns - start_ns_) * 1e-9);
}

Result<RgbImage> Painter::paint(std::span<const ResultSlice> layers) const {
  std::vector<RgbImage> pictures(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto limits = limits_[i] ? Result<ContrastLimits>(*limits_[i])
                             : limits_of(shapes_[i], layers[i].pixels, request_);
    if (!limits) return std::unexpected(limits.error());
    const ColourMap map = layers.size() > 1 ? ColourMap::kGray : picture_.colour_map;
    colour(shapes_[i], layers[i].pixels, *limits, map, pictures[i]);
  }
  RgbImage image = std::move(pictures.front());
  if (!request_.composite.empty()) {
    pictures.front() = std::move(image);
    std::vector<Rgb> colours;
    for (const CompositeLayer& layer : request_.composite) colours.push_back(layer.colour);
    auto laid = composite(pictures, colours);
    if (!laid) return std::unexpected(laid.error());
    image = std::move(*laid);
  }
  PictureFacts facts = facts_;
  if (picture_.timestamps) facts.timestamp = time_text(layers.front());
  if (auto drawn = annotate(image, facts, picture_); !drawn) return std::unexpected(drawn.error());
  return image;
}

Result<RgbImage> Painter::paint(const DerivedImage& derived) const {
  const auto limits = limits_of(derived.shape, derived.pixels, request_);
  if (!limits) return std::unexpected(limits.error());
  RgbImage image;
  colour(derived.shape, derived.pixels, *limits, picture_.colour_map, image);
  PictureFacts facts;
  facts.axes = derived.axes;
  put_pixel_size(facts.axes, result_, picture_);
  // Detectors and regions lie in patterns and frames, not in what was made of a scan or a row.
  if (derived.axes[0].axis == Axis::kY && derived.axes[1].axis == Axis::kX) {
    facts.detectors = facts_.detectors;
    facts.regions = facts_.regions;
  }
  if (auto drawn = annotate(image, facts, picture_); !drawn) return std::unexpected(drawn.error());
  return image;
}

}  // namespace framelog
