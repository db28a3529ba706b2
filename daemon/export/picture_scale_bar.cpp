#include "export/picture_scale_bar.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>

#include "export/picture.hpp"

namespace framelog {
namespace {

constexpr double kTarget = 0.15;  // Of the width.
constexpr double kShortest = 0.04;
constexpr double kLongest = 0.30;
constexpr double kLeastNumber = 0.1;  // Smaller targets are told in the next smaller unit.

struct LengthUnit {
  std::string_view name;
  double metres;
  bool automatic;
};
// From the largest; Debian's fonts have all of their letters.
constexpr std::array<LengthUnit, 6> kUnits{{{"m", 1, true},
                                            {"cm", 1e-2, false},
                                            {"mm", 1e-3, true},
                                            {"µm", 1e-6, true},
                                            {"nm", 1e-9, true},
                                            {"pm", 1e-12, false}}};

const LengthUnit* find_unit(std::string_view name) {
  for (const LengthUnit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

struct Scale {
  double pixel_size;  ///< In `unit`.
  std::string unit;
};

/// The pixel size in the largest unit in which the target is no tiny number.
Scale choose_unit(double width_px, const Length& pixel_size) {
  const std::string unit = with_micro_sign(pixel_size.unit);
  const LengthUnit* given = find_unit(unit);
  if (given == nullptr) return {pixel_size.value, unit};
  Scale scale{pixel_size.value, unit};
  for (const LengthUnit& larger : kUnits) {
    if (!larger.automatic) continue;
    scale = {pixel_size.value * (given->metres / larger.metres), std::string(larger.name)};
    if (width_px * kTarget * scale.pixel_size >= kLeastNumber) break;
  }
  return scale;
}

/// 1, 2 or 5 times a power of ten: the one nearest to the target, of those that are allowed.
double choose_length(double width) {
  const double target = kTarget * width;
  const int power = static_cast<int>(std::floor(std::log10(target)));
  double best = 0;
  for (int tens = power - 1; tens <= power + 1; ++tens) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double length = digit * std::pow(10.0, tens);
      const bool allowed = length >= kShortest * width && length <= kLongest * width;
      if (allowed && std::abs(length - target) < std::abs(best - target)) best = length;
    }
  }
  return best;
}

}  // namespace

std::string with_micro_sign(std::string_view unit) {
  if (unit == "um" || unit == "μm") return "µm";  // The Greek letter, too.
  return std::string(unit);
}

std::optional<double> unit_ratio(std::string_view from, std::string_view to) {
  const std::string first = with_micro_sign(from);
  const std::string second = with_micro_sign(to);
  if (first == second) return 1.0;
  const LengthUnit* one = find_unit(first);
  const LengthUnit* other = find_unit(second);
  if (one == nullptr || other == nullptr) return std::nullopt;
  return one->metres / other->metres;
}

std::string ScaleBar::text() const { return fmt::format("{:.6g} {}", length, unit); }

Result<ScaleBar> automatic_scale_bar(double width_px, const Length& pixel_size) {
  if (!(pixel_size.value > 0) || !std::isfinite(pixel_size.value) || !(width_px > 0)) {
    return fail(ErrorCode::kInvalid, "--scale-bar:",
                fmt::format("of pixels of {:g} {} (allowed: a size above zero)", pixel_size.value,
                            pixel_size.unit));
  }
  const Scale scale = choose_unit(width_px, pixel_size);
  ScaleBar bar;
  bar.unit = scale.unit;
  bar.length = choose_length(width_px * scale.pixel_size);
  bar.length_px = bar.length / scale.pixel_size;
  return bar;
}

Result<ScaleBar> scale_bar_of(double width_px, const Length& pixel_size,
                              const ScaleBarRequest& request) {
  if (pixel_size.unit.empty() || !(pixel_size.value > 0)) {
    return fail(ErrorCode::kInvalid,
                "--scale-bar:", "the pixel size is not known (allowed: with --pixel-size)");
  }
  if (!request.length) return automatic_scale_bar(width_px, pixel_size);
  const auto ratio = unit_ratio(request.unit, pixel_size.unit);
  if (!ratio) {
    return fail(ErrorCode::kInvalid, "--scale-bar:",
                fmt::format("in {} of pixels in {} (allowed: {})", request.unit, pixel_size.unit,
                            find_unit(with_micro_sign(pixel_size.unit)) == nullptr
                                ? pixel_size.unit
                                : "pm, nm, um, mm, cm, m"));
  }
  ScaleBar bar{*request.length, with_micro_sign(request.unit),
               *request.length * *ratio / pixel_size.value};
  if (bar.length_px > 0 && bar.length_px <= width_px) return bar;
  return fail(ErrorCode::kInvalid, "--scale-bar:",
              fmt::format("of {} does not fit a picture {:.6g} {} wide", bar.text(),
                          width_px * pixel_size.value, pixel_size.unit));
}

}  // namespace framelog
