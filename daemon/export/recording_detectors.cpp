#include "export/recording_detectors.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "core/quantity.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

/// One side of the frame: source pixels to pixels of the product.
struct Side {
  double start{};
  double bin{1};
  std::uint32_t pixels{};
  double source_pixels{};
  Length pixel;  ///< Of the source.

  [[nodiscard]] double centre(double source) const {
    return (source - start - (bin - 1) / 2) / bin;
  }
  /// The first pixel whose centre is not before a bound of the source.
  [[nodiscard]] std::uint32_t bound(double source) const {
    const double index = std::ceil(centre(source));
    return static_cast<std::uint32_t>(std::clamp(index, 0.0, static_cast<double>(pixels)));
  }
};

struct Frame {
  Side y, x;
};

Frame frame_of(const SegmentDescription& d) {
  const Length none{1.0, "px"};
  return {
      {static_cast<double>(d.region.y_start), static_cast<double>(d.bin.rows), d.shape.height_px,
       static_cast<double>(d.sensor.height_px), d.pixel_size.empty() ? none : d.pixel_size.front()},
      {static_cast<double>(d.region.x_start), static_cast<double>(d.bin.columns), d.shape.width_px,
       static_cast<double>(d.sensor.width_px), d.pixel_size.empty() ? none : d.pixel_size.back()}};
}

std::string parameter(const DetectorDescription& detector, std::string_view name) {
  for (const auto& [key, value] : detector.parameters) {
    if (key != name) continue;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
  }
  return {};
}

/// "12 px" or "0.4 um" in source pixels.
std::optional<double> source_pixels(std::string_view text, const Side& side) {
  std::string_view rest = trim(text);
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  const auto quantity = take_quantity(rest, length_units());
  if (!quantity || !rest.empty()) return std::nullopt;
  double value = 0;
  const std::string_view number = quantity->number;
  std::from_chars(number.data(), number.data() + number.size(), value);
  if (negative) value = -value;
  if (quantity->unit.name == "px") return value;
  if (quantity->unit.name != side.pixel.unit || !(side.pixel.value > 0)) return std::nullopt;
  return value / side.pixel.value;
}

/// y, x in pixels of the product; by default the middle of the source.
std::optional<std::pair<double, double>> center_of(const DetectorDescription& detector,
                                                   const Frame& frame) {
  const std::string text = parameter(detector, "center");
  if (text.empty()) {
    return std::pair{frame.y.centre((frame.y.source_pixels - 1) / 2),
                     frame.x.centre((frame.x.source_pixels - 1) / 2)};
  }
  const auto parts = split(text, ',');
  if (parts.size() != 2) return std::nullopt;
  const auto y = source_pixels(parts[0], frame.y);
  const auto x = source_pixels(parts[1], frame.x);
  if (!y || !x) return std::nullopt;
  return std::pair{frame.y.centre(*y), frame.x.centre(*x)};
}

std::optional<double> radius_of(const DetectorDescription& detector, std::string_view key,
                                const Frame& frame) {
  if (frame.y.bin != frame.x.bin) return std::nullopt;
  const auto radius = source_pixels(parameter(detector, key), frame.x);
  return radius ? std::optional(*radius / frame.x.bin) : std::nullopt;
}

/// "16:112" of "y=16:112, x=16:112", in source pixels; an end that is missing is that of the side.
std::optional<std::pair<double, double>> range_of(std::string_view text, char axis,
                                                  const Side& side) {
  std::pair<double, double> range{0, side.source_pixels};
  for (const std::string_view part : split(text, ',')) {
    const std::size_t colon = part.find(':');
    if (part.size() < 3 || part[0] != axis || colon == std::string_view::npos) continue;
    const std::string_view from = trim(part.substr(part.find('=') + 1, colon - 2));
    const std::string_view to = trim(part.substr(colon + 1));
    std::from_chars(from.data(), from.data() + from.size(), range.first);
    std::from_chars(to.data(), to.data() + to.size(), range.second);
    return range;
  }
  return std::nullopt;
}

std::optional<Rectangle> rectangle_of(const DetectorDescription& detector, const Frame& frame) {
  const std::string text = parameter(detector, "roi");
  const auto y = range_of(text, 'y', frame.y);
  const auto x = range_of(text, 'x', frame.x);
  if (!y || !x) return std::nullopt;
  const Region region{frame.y.bound(y->first), frame.y.bound(y->second), frame.x.bound(x->first),
                      frame.x.bound(x->second)};
  if (region.y_start >= region.y_stop || region.x_start >= region.x_stop) return std::nullopt;
  return Rectangle{region};
}

std::optional<DetectorSpec> in_product(const DetectorDescription& detector, const Frame& frame) {
  const std::string shape = parameter(detector, "shape");
  if (shape == "rectangle") {
    const auto rectangle = rectangle_of(detector, frame);
    return rectangle ? std::optional(DetectorSpec{detector.name, *rectangle}) : std::nullopt;
  }
  if (shape != "disc" && shape != "annulus") return std::nullopt;
  const auto center = center_of(detector, frame);
  const auto outer = radius_of(detector, "outer", frame);
  if (!center || !outer) return std::nullopt;
  if (shape == "disc") {
    return DetectorSpec{detector.name, Disc{center->first, center->second, *outer}};
  }
  const auto inner = radius_of(detector, "inner", frame);
  if (!inner) return std::nullopt;
  return DetectorSpec{detector.name, Annulus{center->first, center->second, *inner, *outer}};
}

}  // namespace

std::vector<DetectorSpec> detectors_in_product(const SegmentDescription& segment) {
  std::vector<DetectorSpec> specs;
  const Frame frame = frame_of(segment);
  for (const DetectorDescription& detector : segment.detectors) {
    if (auto spec = in_product(detector, frame)) specs.push_back(std::move(*spec));
  }
  return specs;
}

}  // namespace framelog
