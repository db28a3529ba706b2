#pragma once

#include <array>
#include <cstdint>

namespace framelog {

/// 256 colours from the darkest to the brightest value, as 0xRRGGBB.
using ColourTable = std::array<std::uint32_t, 256>;

/// Those of matplotlib whose data have no formula.
extern const ColourTable kViridisTable;
extern const ColourTable kMagmaTable;
extern const ColourTable kInfernoTable;
extern const ColourTable kPlasmaTable;
extern const ColourTable kCividisTable;

}  // namespace framelog
