#include "formats/length_unit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "core/text.hpp"

namespace framelog {
namespace {

struct Spelling {
  std::string_view text;
  std::string_view unit;
  double factor;
};

// The micro sign exists twice in Unicode, and ImageJ writes an escape of it.
constexpr std::array<Spelling, 21> kSpellings{
    {{"\xC2\xB5m", "um", 1},  {"\xCE\xBCm", "um", 1},  {"\\u00B5m", "um", 1},
     {"\xB5m", "um", 1},      {"um", "um", 1},         {"micron", "um", 1},
     {"microns", "um", 1},    {"micrometer", "um", 1}, {"micrometre", "um", 1},
     {"nm", "nm", 1},         {"nanometer", "nm", 1},  {"nanometre", "nm", 1},
     {"pm", "nm", 1e-3},      {"\xC3\x85", "nm", 0.1}, {"A", "nm", 0.1},
     {"Angstrom", "nm", 0.1}, {"angstrom", "nm", 0.1}, {"mm", "mm", 1},
     {"cm", "mm", 10},        {"inch", "mm", 25.4},    {"m", "m", 1}}};

}  // namespace

Length known_length(double value, std::string_view unit) {
  unit = trim(unit);
  const bool in_pixels = unit == "px" || unit == "pixel" || unit == "pixels";
  if (!(value > 0) || !std::isfinite(value) || unit.empty() || in_pixels) return {};
  const auto* found = std::ranges::find(kSpellings, unit, &Spelling::text);
  if (found == kSpellings.end()) return {value, one_line(cut_utf8(unit, 16))};
  return {value * found->factor, std::string(found->unit)};
}

double seconds_in(std::string_view unit) noexcept {
  constexpr std::array<std::pair<std::string_view, double>, 9> kUnits{{{"s", 1},
                                                                       {"sec", 1},
                                                                       {"second", 1},
                                                                       {"seconds", 1},
                                                                       {"ms", 1e-3},
                                                                       {"us", 1e-6},
                                                                       {"ns", 1e-9},
                                                                       {"min", 60},
                                                                       {"h", 3600}}};
  for (const auto& [name, seconds] : kUnits) {
    if (name == unit) return seconds;
  }
  return 0;
}

}  // namespace framelog
