#pragma once

#include "export/media/canvas.hpp"
#include "export/media/media_interface.hpp"

namespace framelog {

/// Where the picture lies on the canvas.
struct PictureArea {
  double top{}, left{}, height{}, width{};
};

/// The size of texts on a picture: they grow with it.
[[nodiscard]] double font_size(double height, double width) noexcept;

/// Outlines, scale bar, time stamp and, where the picture has no margins for it, the title.
void draw_annotations(Canvas& canvas, const PictureArea& area, const Drawing& drawing);

}  // namespace framelog
