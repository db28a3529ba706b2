#include "export/media/margins.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace framelog {
namespace {

constexpr Rgb kGround{255, 255, 255};
constexpr Rgb kInk{0, 0, 0};

double text_size(const PictureArea& area) { return 0.7 * font_size(area.height, area.width); }

double widest_label(Canvas& canvas, const Drawing::Side& side) {
  double widest = 0;
  for (const auto& tick : side.ticks) widest = std::max(widest, canvas.text_width(tick.label));
  return widest;
}

/// Those of the ticks whose labels do not run into each other.
std::size_t every_nth(double label, double gap, const Drawing::Side& side) {
  if (side.ticks.size() < 2) return 1;
  const double apart = std::abs(side.ticks[1].place_px - side.ticks[0].place_px);
  return static_cast<std::size_t>(std::max(1.0, std::ceil((label + gap) / std::max(apart, 1e-6))));
}

void draw_columns(Canvas& canvas, const PictureArea& area, const Drawing::Side& side) {
  const double size = text_size(area);
  const double bottom = area.top + area.height;
  cairo_t* context = canvas.context();
  const std::size_t nth = every_nth(widest_label(canvas, side), 0.6 * size, side);
  for (std::size_t index = 0; index < side.ticks.size(); index += nth) {
    const auto& tick = side.ticks[index];
    const double x = area.left + tick.place_px;
    cairo_move_to(context, x, bottom);
    cairo_line_to(context, x, bottom + 0.4 * size);
    cairo_stroke(context);
    canvas.draw_plain_text(tick.label, x - canvas.text_width(tick.label) / 2, bottom + 1.5 * size,
                           kInk);
  }
  canvas.draw_plain_text(side.label, area.left + (area.width - canvas.text_width(side.label)) / 2,
                         bottom + 2.9 * size, kInk);
}

void draw_rows(Canvas& canvas, const PictureArea& area, const Drawing::Side& side) {
  const double size = text_size(area);
  cairo_t* context = canvas.context();
  const std::size_t nth = every_nth(size, 0.2 * size, side);
  for (std::size_t index = 0; index < side.ticks.size(); index += nth) {
    const auto& tick = side.ticks[index];
    const double y = area.top + tick.place_px;
    cairo_move_to(context, area.left - 0.4 * size, y);
    cairo_line_to(context, area.left, y);
    cairo_stroke(context);
    canvas.draw_plain_text(tick.label, area.left - 0.6 * size - canvas.text_width(tick.label),
                           y + 0.36 * size, kInk);
  }
  cairo_save(context);
  cairo_translate(context, 1.2 * size,
                  area.top + (area.height + canvas.text_width(side.label)) / 2);
  cairo_rotate(context, -std::numbers::pi / 2);
  canvas.draw_plain_text(side.label, 0, 0, kInk);
  cairo_restore(context);
}

void draw_title(Canvas& canvas, const PictureArea& area, const std::string& title) {
  double size = 1.2 * text_size(area);
  canvas.set_font(size);
  const double whole = area.left + area.width;
  const double width = canvas.text_width(title);
  if (width > whole) canvas.set_font(size *= whole / width);
  canvas.draw_plain_text(title,
                         std::max(area.left + (area.width - canvas.text_width(title)) / 2, 0.0),
                         area.top - 0.6 * size, kInk);
}

}  // namespace

Result<Margins> measure_margins(const RgbImage& image, const Drawing& drawing) {
  if (!drawing.axes) return Margins{};
  auto canvas = Canvas::create(1, 1);
  if (!canvas) return std::unexpected(canvas.error());
  const PictureArea area{0, 0, static_cast<double>(image.height_px),
                         static_cast<double>(image.width_px)};
  const double size = text_size(area);
  canvas->set_font(size);
  const auto whole = [](double length) { return static_cast<std::uint32_t>(std::ceil(length)); };
  const auto& [rows, columns] = *drawing.axes;
  Margins margins;
  margins.left = whole(2.4 * size + widest_label(*canvas, rows));
  margins.bottom = whole(3.5 * size);
  margins.right = whole(0.6 * size + widest_label(*canvas, columns) / 2);
  margins.top = whole(drawing.title.empty() ? 0.7 * size : 2.2 * size);
  return margins;
}

void draw_margins(Canvas& canvas, const PictureArea& area, const Drawing& drawing) {
  cairo_t* context = canvas.context();
  canvas.set_ink(kGround);
  cairo_paint(context);
  if (!drawing.axes) return;
  canvas.set_font(text_size(area));
  canvas.set_ink(kInk);
  const double width = std::max(1.0, std::round(text_size(area) / 12));
  cairo_set_line_width(context, width);
  cairo_rectangle(context, area.left - width / 2, area.top - width / 2, area.width + width,
                  area.height + width);
  cairo_stroke(context);
  draw_columns(canvas, area, (*drawing.axes)[1]);
  draw_rows(canvas, area, (*drawing.axes)[0]);
  if (!drawing.title.empty()) draw_title(canvas, area, drawing.title);
}

}  // namespace framelog
