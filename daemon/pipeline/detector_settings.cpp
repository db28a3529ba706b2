// The part of ReductionSettings that knows of virtual detectors.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "pipeline/reduction_settings.hpp"

namespace framelog {
namespace {

bool is_reserved(const std::string& name) {
  return name == "time" || name == "scan_mask" || name.ends_with("_image");
}

}  // namespace

/// Lengths at the sample become source pixels.
double ReductionSettings::in_pixels(const Length& length, bool is_y, const std::string& section,
                                    const char* key) {
  if (length.unit == "px") return length.value;
  const auto* sizes = settings_.get<std::vector<Length>>("instrument", "pixel_size");
  const Length pixel = sizes == nullptr ? Length{1.0, "px"} : is_y ? sizes->front() : sizes->back();
  if (pixel.unit == length.unit) return length.value / pixel.value;
  complain(section, key,
           fmt::format("is in {} (allowed: px, or {}, the unit of instrument.pixel_size)",
                       length.unit, pixel.unit));
  return 0;
}

std::optional<double> ReductionSettings::radius_of(const std::string& section, const char* key) {
  const auto* radius = settings_.get<std::vector<Length>>(section, key);
  if (radius == nullptr) {
    complain(section, key, "is required (a length such as 12 px)");
    return std::nullopt;
  }
  if (radius->size() != 1) {
    complain(section, key, "must be one length");
    return std::nullopt;
  }
  const std::size_t before = complaints_.size();
  const double x = in_pixels(radius->front(), false, section, key);
  if (complaints_.size() == before && x != in_pixels(radius->front(), true, section, key)) {
    complain(section, key, "needs square pixels in this unit (px, or one pixel_size)");
  }
  return x;
}

/// Keys that mean nothing for the shape would be a detector that nobody asked for.
void ReductionSettings::check_detector_keys(const std::string& section, const std::string& shape) {
  using Keys = std::vector<std::string>;
  const Keys meant = shape == "disc"        ? Keys{"center", "outer"}
                     : shape == "annulus"   ? Keys{"center", "inner", "outer"}
                     : shape == "rectangle" ? Keys{"roi"}
                                            : Keys{"file"};
  for (const char* key : {"center", "inner", "outer", "roi", "file"}) {
    if (settings_.find(section, key) == nullptr || std::ranges::count(meant, key) != 0) continue;
    complain(section, key,
             fmt::format("means nothing for a {} (allowed: {})", shape, fmt::join(meant, ", ")));
  }
}

/// By default the middle of the frame.
std::pair<double, double> ReductionSettings::center_of(const std::string& section) {
  const auto* center = settings_.get<std::vector<Length>>(section, "center");
  if (center == nullptr) {
    return {(source_.shape.height_px - 1) / 2.0, (source_.shape.width_px - 1) / 2.0};
  }
  if (center->size() != 2) {
    complain(section, "center", "must be two lengths (y, x)");
    return {};
  }
  return {in_pixels(center->front(), true, section, "center"),
          in_pixels(center->back(), false, section, "center")};
}

std::optional<Rectangle> ReductionSettings::rectangle_of(const std::string& section) {
  const auto* roi = settings_.get<RegionSpec>(section, "roi");
  if (roi == nullptr) {
    complain(section, "roi", "is required (a region such as y=16:112, x=16:112)");
    return std::nullopt;
  }
  return Rectangle{{roi->y_start.value_or(0), roi->y_stop.value_or(source_.shape.height_px),
                    roi->x_start.value_or(0), roi->x_stop.value_or(source_.shape.width_px)}};
}

std::optional<Mask> ReductionSettings::mask_of(const std::string& section) {
  if (settings_.find(section, "file") == nullptr) {
    complain(section, "file", "is required (an image file, or FILE::DATASET)");
    return std::nullopt;
  }
  const Image image = image_of(section, "file");
  if (image == nullptr) return std::nullopt;
  Mask mask{image->height_px, image->width_px, {}};
  for (const double value : image->values) mask.values.push_back(value != 0 ? 1 : 0);
  return mask;
}

std::optional<DetectorSpec> ReductionSettings::detector_of(const std::string& name) {
  const std::string section = "detector." + name;
  const std::size_t before = complaints_.size();
  const auto* shape = settings_.get<std::string>(section, "shape");
  if (shape == nullptr) {
    complain(section, "shape", "is required (allowed: disc, annulus, rectangle, mask)");
    return std::nullopt;
  }
  check_detector_keys(section, *shape);
  DetectorSpec spec{name, {}};
  if (*shape == "disc") {
    const auto [y, x] = center_of(section);
    spec.area = Disc{y, x, radius_of(section, "outer").value_or(0)};
  } else if (*shape == "annulus") {
    const auto [y, x] = center_of(section);
    const double inner = radius_of(section, "inner").value_or(0);
    spec.area = Annulus{y, x, inner, radius_of(section, "outer").value_or(0)};
  } else if (*shape == "rectangle") {
    spec.area = rectangle_of(section).value_or(Rectangle{});
  } else {
    spec.area = mask_of(section).value_or(Mask{});
  }
  if (complaints_.size() != before) return std::nullopt;
  return spec;
}

std::optional<DetectorSet> ReductionSettings::detectors_of_product(const std::string& section,
                                                                   const ReductionPlan& plan) {
  const auto* names = settings_.get<std::vector<std::string>>(section, "detectors");
  if (names == nullptr) return DetectorSet{};
  const std::size_t before = complaints_.size();
  const auto known = settings_.names_of("detector");
  constexpr std::size_t kMostDetectors = 64;
  if (names->size() > kMostDetectors) {
    complain(section, "detectors",
             fmt::format("are {} (at most {})", names->size(), kMostDetectors));
  }
  std::vector<DetectorSpec> specs;
  for (const std::string& name : *names) {
    if (std::ranges::find(known, name) == known.end()) {
      complain(section, "detectors",
               fmt::format("there is no section [detector.{}] (there are: {})", name,
                           known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
    } else if (is_reserved(name)) {
      complain("detector." + name, "",
               "cannot have this name (time, scan_mask and NAME_image are datasets of their own)");
    } else if (std::ranges::count(*names, name) > 1) {
      complain(section, "detectors", fmt::format("name \"{}\" twice", name));
      break;
    } else if (auto spec = detector_of(name)) {
      specs.push_back(std::move(*spec));
    }
  }
  const std::string format = settings_.get<std::string>(section, "format") == nullptr
                                 ? "hdf5"
                                 : *settings_.get<std::string>(section, "format");
  if (format != "hdf5") {
    complain(section, "detectors",
             fmt::format("are recorded in hdf5 files only (format is {})", format));
  }
  if (complaints_.size() != before) return std::nullopt;
  auto set = DetectorSet::make(plan, specs);
  if (set) return std::move(*set);
  complain(section, "detectors", describe(set.error()));
  return std::nullopt;
}

std::vector<DetectorDescription> ReductionSettings::detectors_of(
    const std::string& name, const ProductReduction& reduction) const {
  std::vector<DetectorDescription> descriptions;
  const auto* names = settings_.get<std::vector<std::string>>("product." + name, "detectors");
  if (names == nullptr) return descriptions;
  for (std::size_t i = 0; i < names->size(); ++i) {
    DetectorDescription description;
    description.name = (*names)[i];
    description.pixels = static_cast<std::int64_t>(reduction.detectors.pixels(i));
    const std::string section = "detector." + description.name;
    for (const char* key : {"shape", "center", "inner", "outer", "roi", "file"}) {
      if (const Setting* setting = settings_.find(section, key)) {
        description.parameters.emplace_back(key, setting->text);
      }
    }
    descriptions.push_back(std::move(description));
  }
  return descriptions;
}

}  // namespace framelog
