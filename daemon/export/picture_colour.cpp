#include <cmath>

#include "export/picture.hpp"
#include "export/picture_colours.hpp"
#include "export/picture_pixels.hpp"

namespace framelog {
namespace {

/// From a value to one of 256 levels.
class Levels {
 public:
  explicit Levels(const ContrastLimits& limits)
      : low_(limits.low), high_(limits.high), range_(limits.high - limits.low) {}

  [[nodiscard]] std::size_t of(double value) const noexcept {
    if (std::isnan(value)) return 0;
    // A picture of one value is mid-grey, so that it cannot be taken for an empty one.
    if (!(range_ > 0)) return value < low_ ? 0 : value > high_ ? 255 : 128;
    if (value <= low_) return 0;
    if (value >= high_) return 255;
    return static_cast<std::size_t>((value - low_) / range_ * 255 + 0.5);
  }

 private:
  double low_, high_, range_;
};

void put(std::uint32_t colour, std::uint8_t* to) noexcept {
  to[0] = static_cast<std::uint8_t>(colour >> 16U);
  to[1] = static_cast<std::uint8_t>(colour >> 8U);
  to[2] = static_cast<std::uint8_t>(colour);
}

}  // namespace

void colour(const FrameShape& shape, std::span<const std::byte> pixels,
            const ContrastLimits& limits, ColourMap map, RgbImage& into) {
  const std::size_t count = std::size_t{shape.height_px} * shape.width_px;
  into.height_px = shape.height_px;
  into.width_px = shape.width_px;
  into.rgb.resize(3 * count);
  const ColourTable& table = colours_of(map);
  const Levels levels(limits);
  with_pixel_type(shape.type, [&](auto kind) {
    using Pixel = decltype(kind);
    std::uint8_t* to = into.rgb.data();
    for (std::size_t index = 0; index < count; ++index, to += 3) {
      put(table[levels.of(static_cast<double>(pixel_at<Pixel>(pixels, index)))], to);
    }
  });
}

}  // namespace framelog
