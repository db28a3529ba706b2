#include "formats/export_axes.hpp"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "formats/length_unit.hpp"

namespace framelog {
namespace {

using Json = nlohmann::json;

struct ToldAxis {
  std::uint64_t size{};
  double origin{};
  Length step;  ///< Unit empty: not a length.
  bool in_seconds{};
};

std::optional<ToldAxis> axis_of(const Json& axes, std::string_view name) {
  for (const Json& axis : axes) {
    if (!axis.is_object() || axis.value("axis", Json()) != name) continue;
    const Json size = axis.value("size", Json());
    const Json origin = axis.value("origin", Json());
    const Json step = axis.value("step", Json());
    const Json unit = axis.value("unit", Json());
    if (!size.is_number_unsigned() || !origin.is_number() || !step.is_number() ||
        !unit.is_string()) {
      return std::nullopt;
    }
    const auto text = unit.get<std::string>();
    ToldAxis told{size.get<std::uint64_t>(), origin.get<double>(),
                  known_length(step.get<double>(), text), text == "s"};
    // The unit may have become one that is known here.
    if (!told.step.unit.empty()) told.origin *= told.step.value / step.get<double>();
    if (!std::isfinite(told.origin)) return std::nullopt;
    return told;
  }
  return std::nullopt;
}

/// In metres; the unit itself where it is no length.
double scale_of(std::string_view unit) noexcept {
  if (unit == "nm") return 1e-9;
  if (unit == "um") return 1e-6;
  if (unit == "mm") return 1e-3;
  return 1;
}

bool is_length(std::string_view unit) noexcept {
  return unit == "nm" || unit == "um" || unit == "mm" || unit == "m";
}

/// The same size, in whatever unit of length; texts of TIFFs have nine digits.
bool agree(const Length& a, const Length& b) noexcept {
  constexpr double kTolerance = 1e-6;
  if (a.unit != b.unit && !(is_length(a.unit) && is_length(b.unit))) return false;
  const double first = a.value * scale_of(a.unit);
  return std::abs(first - b.value * scale_of(b.unit)) <= kTolerance * std::abs(first);
}

using Sides = std::array<std::optional<ToldAxis>, 2>;

Sides sides_of(const Json& axes, std::string_view first, std::string_view second) {
  return {axis_of(axes, first), axis_of(axes, second)};
}

bool have_sizes(const Sides& sides, std::uint64_t first, std::uint64_t second) noexcept {
  return sides[0] && sides[1] && sides[0]->size == first && sides[1]->size == second;
}

/// What the export wrote of its axes; null where there is nothing of the kind.
Json export_axes(std::string_view provenance) {
  if (provenance.find("\"export\"") == std::string_view::npos) return nullptr;
  const Json json = Json::parse(provenance, nullptr, false);
  if (!json.is_object()) return nullptr;
  const auto written = json.find("export");
  if (written == json.end() || !written->is_object()) return nullptr;
  Json axes = written->value("axes", Json());
  return axes.is_array() ? axes : nullptr;
}

/// Whether the file still tells the sizes that the export has written.
bool are_told(const Sides& sides, PixelSides told, const StoredFacts& facts) {
  const Length& x = facts.pixel_size[1];
  if (told == PixelSides::kXAlone) {
    const Length& wanted = sides[1]->step;
    return x.unit.empty() || agree(x, wanted.unit.empty() ? Length{1, "nm"} : wanted);
  }
  const auto fits = [](const Length& known, const ToldAxis& side) {
    return known.unit.empty() || agree(known, side.step);
  };
  return fits(facts.pixel_size[0], *sides[0]) && fits(x, *sides[1]);
}

}  // namespace

void take_export_axes(std::string_view provenance, PixelSides told, StoredFacts& facts) {
  const Json axes = export_axes(provenance);
  if (axes.is_null()) return;
  const Sides sides = sides_of(axes, "y", "x");
  if (!have_sizes(sides, facts.shape.height_px, facts.shape.width_px) ||
      !are_told(sides, told, facts)) {
    return;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    facts.pixel_size[i] = sides[i]->step;
    facts.origin[i] = sides[i]->step.unit.empty() ? 0 : sides[i]->origin;
  }
  if (const auto time = axis_of(axes, "t"); time && time->in_seconds && time->origin >= 0) {
    facts.first_s = time->origin;
  }
  if (!facts.scan) return;
  const Sides points = sides_of(axes, "sy", "sx");
  if (!have_sizes(points, facts.scan->first, facts.scan->second)) return;
  facts.scan_step = {points[0]->step, points[1]->step};
}

}  // namespace framelog
