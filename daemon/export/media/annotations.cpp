#include "export/media/annotations.hpp"

#include <algorithm>
#include <cmath>

namespace framelog {
namespace {

constexpr double kLeastFont = 9;  // Smaller texts cannot be read.
constexpr double kSmallestFont = 5;

/// Sets a font with which the text fits into the width.
double set_fitting_font(Canvas& canvas, const std::string& text, double size, double width) {
  canvas.set_font(size);
  const double needed = canvas.text_width(text);
  if (needed <= width || needed <= 0) return size;
  size = std::max(size * width / needed, kSmallestFont);
  canvas.set_font(size);
  return size;
}

/// Even, so that lines between pixels are sharp.
double line_width(const PictureArea& area) {
  return 2 * std::max(1.0, std::round(std::min(area.height, area.width) / 600));
}

void draw_lines(Canvas& canvas, const PictureArea& area, const Outline& outline) {
  cairo_t* context = canvas.context();
  cairo_new_path(context);
  for (const auto& line : outline.lines) {
    cairo_new_sub_path(context);
    for (const Outline::Point& point : line) {
      cairo_line_to(context, area.left + point.x, area.top + point.y);
    }
    cairo_close_path(context);
  }
  canvas.stroke_with_border(line_width(area), outline.ink);
}

/// Above the outline where there is room, else within it.
void draw_name(Canvas& canvas, const PictureArea& area, const Outline& outline) {
  if (outline.name.empty() || outline.lines.empty()) return;
  double left = area.width;
  double right = 0;
  double top = area.height;
  for (const auto& line : outline.lines) {
    for (const Outline::Point& point : line) {
      left = std::min(left, point.x);
      right = std::max(right, point.x);
      top = std::min(top, point.y);
    }
  }
  const double wanted = std::max(0.8 * font_size(area.height, area.width), kLeastFont);
  const double size = set_fitting_font(canvas, outline.name, wanted, area.width);
  const double width = canvas.text_width(outline.name);
  const double room = std::max(area.width - width, 0.0);
  const double x = std::clamp((left + right - width) / 2, 0.0, room);
  double y = top - 0.4 * size;
  if (y < size) y = top + 1.3 * size;
  y = std::clamp(y, size, std::max(area.height - 0.3 * size, size));
  canvas.draw_text(outline.name, area.left + x, area.top + y, outline.ink);
}

void draw_bar(Canvas& canvas, const PictureArea& area, const Drawing& drawing) {
  const Drawing::Bar& bar = *drawing.bar;
  const double margin = std::round(0.04 * std::min(area.height, area.width)) + 1;
  const double wanted = font_size(area.height, area.width);
  const double thickness = std::max(2.0, std::round(0.25 * wanted));
  const double left =
      std::max(std::round(area.left + area.width - margin - bar.length_px), area.left);
  const double top = std::round(area.top + area.height - margin - thickness);
  const double border = std::max(1.0, std::round(thickness / 3));
  cairo_t* context = canvas.context();
  const double length = std::max(std::round(bar.length_px), 1.0);
  canvas.set_ink(border_of(drawing.ink));
  cairo_rectangle(context, left - border, top - border, length + 2 * border,
                  thickness + 2 * border);
  cairo_fill(context);
  canvas.set_ink(drawing.ink);
  cairo_rectangle(context, left, top, length, thickness);
  cairo_fill(context);
  const double size = set_fitting_font(canvas, bar.text, wanted, 0.9 * area.width);
  const double width = canvas.text_width(bar.text);
  const double rightmost = std::max(area.left + area.width - width - 0.2 * size, area.left);
  const double x = std::clamp(left + (length - width) / 2, area.left, rightmost);
  canvas.draw_text(bar.text, x, top - border - 0.35 * size, drawing.ink);
}

}  // namespace

double font_size(double height, double width) noexcept {
  return std::max(kLeastFont, std::round(std::min(height, width) / 20));
}

void draw_annotations(Canvas& canvas, const PictureArea& area, const Drawing& drawing) {
  cairo_t* context = canvas.context();
  cairo_save(context);
  cairo_rectangle(context, area.left, area.top, area.width, area.height);
  cairo_clip(context);
  for (const Outline& outline : drawing.outlines) draw_lines(canvas, area, outline);
  for (const Outline& outline : drawing.outlines) draw_name(canvas, area, outline);
  if (drawing.bar) draw_bar(canvas, area, drawing);
  const double wanted = font_size(area.height, area.width);
  double y = area.top;
  for (const std::string& text :
       {drawing.axes ? std::string{} : drawing.title, drawing.timestamp}) {
    if (text.empty()) continue;
    const double size = set_fitting_font(canvas, text, wanted, area.width - wanted);
    y += 1.3 * size;
    canvas.draw_text(text, area.left + 0.4 * wanted, y, drawing.ink);
  }
  cairo_restore(context);
}

}  // namespace framelog
