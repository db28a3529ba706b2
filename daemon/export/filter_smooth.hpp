#pragma once

#include <cstdint>
#include <span>
#include <vector>

/// Private to the filter*.cpp files of this folder. Beyond its edges a frame goes on as in a mirror
/// that stands on the edge: d c b a | a b c d | d c b a.
namespace framelog {

/// As scipy.ndimage.gaussian_filter defines it (mode "reflect", truncate 4): first along y, then
/// along x, each with a sum of weights of 1 up to 4 sigma, rounded, away. `scratch` is resized.
void gaussian(std::span<double> pixels, std::uint32_t height_px, std::uint32_t width_px,
              double sigma, std::vector<double>& scratch);

/// As scipy.ndimage.median_filter defines it (mode "reflect"): of size x size values the one with
/// as many before it as behind it, or of an even number the one behind the middle. A pixel with
/// a NaN near becomes NaN.
void median(std::span<double> pixels, std::uint32_t height_px, std::uint32_t width_px,
            std::uint32_t size, std::vector<double>& scratch);

/// Marks what is at most `distance` pixels from a marked one, along y, x, or both.
void grow(std::span<std::uint8_t> mask, std::uint32_t height_px, std::uint32_t width_px,
          std::uint32_t distance);

}  // namespace framelog
