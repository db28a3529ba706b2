#pragma once

#include "export/media/annotations.hpp"

namespace framelog {

/// What axes and title need around the picture.
struct Margins {
  std::uint32_t top{}, left{}, bottom{}, right{};
};
/// The same for all pictures with the same axes, so that they can be frames of one movie. Errors:
/// kNoMemory.
[[nodiscard]] Result<Margins> measure_margins(const RgbImage& image, const Drawing& drawing);

/// Ticks, numbers, names of axes and title, black on the white ground that is drawn first.
void draw_margins(Canvas& canvas, const PictureArea& area, const Drawing& drawing);

}  // namespace framelog
