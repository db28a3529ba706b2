#include <cmath>
#include <numbers>
#include <type_traits>

#include "export/media/media_interface.hpp"
#include "export/picture.hpp"
#include "export/picture_outlines.hpp"
#include "export/picture_scale_bar.hpp"
#include "export/picture_zoom.hpp"

namespace framelog {
namespace {

constexpr int kMostTicks = 7;

std::array<Drawing::Side, 2> make_sides(std::array<AxisFacts, 2> axes, const RgbImage& source,
                                        double zoom_y, double zoom_x) {
  axes[0].size = source.height_px;
  axes[1].size = source.width_px;
  std::array<Drawing::Side, 2> sides;
  for (std::size_t side = 0; side < 2; ++side) {
    const double zoomed = side == 0 ? zoom_y : zoom_x;
    sides[side].label = axis_label(axes[side]);
    for (AxisTick& tick : axis_ticks(axes[side], kMostTicks)) {
      sides[side].ticks.push_back({(tick.index + 0.5) * zoomed, std::move(tick.label)});
    }
  }
  return sides;
}

void move_and_scale(std::vector<Outline>& outlines, double zoom_y, double zoom_x) {
  for (Outline& outline : outlines) {
    for (auto& line : outline.lines) {
      for (Outline::Point& point : line) point = {point.x * zoom_x, point.y * zoom_y};
    }
  }
}

Result<Drawing> measure(const RgbImage& source, const RgbImage& image, const PictureFacts& facts,
                        const PictureRequest& request) {
  const double zoom_y = static_cast<double>(image.height_px) / source.height_px;
  const double zoom_x = static_cast<double>(image.width_px) / source.width_px;
  const auto& axes = facts.axes;
  Drawing drawing;
  drawing.ink = request.ink;
  drawing.title = request.title;
  if (request.timestamps) drawing.timestamp = facts.timestamp;
  if (request.scale_bar.shown) {
    const Length pixel_size{std::abs(axes[1].step), axes[1].unit};
    const auto bar = scale_bar_of(source.width_px, pixel_size, request.scale_bar);
    if (!bar) return std::unexpected(bar.error());
    drawing.bar = Drawing::Bar{bar->length_px * zoom_x, bar->text()};
  }
  if (request.outlines) {
    drawing.outlines = make_outlines(facts, request.ink);
    move_and_scale(drawing.outlines, zoom_y, zoom_x);
  }
  if (request.axes) drawing.axes = make_sides(axes, source, zoom_y, zoom_x);
  return drawing;
}

bool draws_anything(const Drawing& drawing) {
  return !drawing.title.empty() || !drawing.timestamp.empty() || drawing.bar ||
         !drawing.outlines.empty() || drawing.axes;
}

}  // namespace

Result<void> annotate(RgbImage& image, const PictureFacts& facts, const PictureRequest& request) {
  auto zoomed = zoom(image, request.zoom.value_or(1));
  if (!zoomed) return std::unexpected(zoomed.error());
  const auto drawing = measure(image, *zoomed, facts, request);
  if (!drawing) return std::unexpected(drawing.error());
  image = std::move(*zoomed);
  if (!draws_anything(*drawing)) return {};
  const auto module = media_module("drawing on pictures");
  if (!module) return std::unexpected(module.error());
  return (*module)->draw(image, *drawing);
}

}  // namespace framelog
