#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "export/picture.hpp"

namespace framelog {

/// A picture of at most 256 colours.
struct IndexedImage {
  std::array<std::uint32_t, 256> palette{};  ///< 0xRRGGBB, unused ones 0.
  std::vector<std::uint8_t> indices;
};

/// Pictures of at most 256 colours, such as those of a colour map, keep all of them. Of others the
/// colours are divided where they differ most, in boxes whose mean stands for them (median cut, P.
/// Heckbert, "Color image quantization for frame buffer display", 1982, with the variance as
/// measure). The same picture gives the same palette. Threads: any.
[[nodiscard]] IndexedImage make_indexed(const RgbImage& image);

}  // namespace framelog
