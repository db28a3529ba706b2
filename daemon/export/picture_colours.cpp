#include "export/picture_colours.hpp"

#include <algorithm>

namespace framelog {
namespace {

constexpr ColourTable make_gray() {
  ColourTable table{};
  for (std::uint32_t level = 0; level < table.size(); ++level) table[level] = 0x010101U * level;
  return table;
}

constexpr ColourTable make_afmhot() {
  ColourTable table{};
  for (int level = 0; level < 256; ++level) {
    const auto ramp = [level](int from) {
      return static_cast<std::uint32_t>(std::clamp(2 * level - from, 0, 255));
    };
    table[static_cast<std::size_t>(level)] = ramp(0) << 16U | ramp(127) << 8U | ramp(255);
  }
  return table;
}

constexpr ColourTable kGrayTable = make_gray();
constexpr ColourTable kAfmhotTable = make_afmhot();

}  // namespace

const ColourTable& colours_of(ColourMap map) noexcept {
  switch (map) {
    case ColourMap::kAfmhot:
      return kAfmhotTable;
    case ColourMap::kViridis:
      return kViridisTable;
    case ColourMap::kMagma:
      return kMagmaTable;
    case ColourMap::kInferno:
      return kInfernoTable;
    case ColourMap::kPlasma:
      return kPlasmaTable;
    case ColourMap::kCividis:
      return kCividisTable;
    case ColourMap::kGray:
      break;
  }
  return kGrayTable;
}

}  // namespace framelog
