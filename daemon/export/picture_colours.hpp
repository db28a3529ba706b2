#pragma once

#include <array>
#include <cstdint>

#include "export/picture_colour_tables.hpp"
#include "export/request.hpp"

namespace framelog {

/// The colours of a map. gray and afmhot are made by their formulas; afmhot, of three overlapping
/// ramps, is within 1 of matplotlib's.
[[nodiscard]] const ColourTable& colours_of(ColourMap map) noexcept;

}  // namespace framelog
