#pragma once

#include <cstdint>
#include <string_view>

#include "formats/stored_frames.hpp"

namespace framelog {

/// How a format tells the size of a pixel.
enum class PixelSides : std::uint8_t {
  kBoth,
  kXAlone,  ///< And 1 nm where it is not known: playNano's bundles.
};

/// The axes that an export wrote into its provenance (`export.axes`: axis, size, origin, step and
/// unit of each), for what a format has no place for: origins, the step along y where only x is
/// told, steps of a scan, the time of the first frame. They are taken where the shape is that of
/// `facts`, and the sizes of pixels that the file itself tells are the same; what was changed by
/// another program is left as it is.
void take_export_axes(std::string_view provenance, PixelSides told, StoredFacts& facts);

}  // namespace framelog
