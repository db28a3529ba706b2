#include "export/media/canvas.hpp"

#include <algorithm>
#include <cstring>

namespace framelog {
namespace {

constexpr double kBorderOfText = 0.12;  // Of the font's size, on each side.
constexpr double kLeastBorderPx = 1.7;  // Keeps the noise around small letters away from them.
constexpr double kBoldBelowPx = 16;     // The lines of smaller letters are thinner than a pixel.

}  // namespace

Rgb border_of(Rgb ink) noexcept {
  const int brightness = 299 * ink.red + 587 * ink.green + 114 * ink.blue;  // ITU-R BT.601.
  return brightness >= 100'000 ? Rgb{0, 0, 0} : Rgb{255, 255, 255};
}

Result<Canvas> Canvas::create(std::uint32_t height_px, std::uint32_t width_px) {
  Canvas canvas;
  canvas.surface_.reset(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width_px),
                                                   static_cast<int>(height_px)));
  canvas.context_.reset(cairo_create(canvas.surface_.get()));
  if (cairo_status(canvas.context_.get()) != CAIRO_STATUS_SUCCESS) {
    return fail(ErrorCode::kNoMemory, "cannot draw on a picture of",
                std::to_string(height_px) + " x " + std::to_string(width_px) + " pixels");
  }
  cairo_set_line_join(canvas.context_.get(), CAIRO_LINE_JOIN_ROUND);
  return canvas;
}

void Canvas::put(const RgbImage& image, std::uint32_t top, std::uint32_t left) {
  cairo_surface_flush(surface_.get());
  const auto stride = static_cast<std::size_t>(cairo_image_surface_get_stride(surface_.get()));
  unsigned char* data = cairo_image_surface_get_data(surface_.get());
  const std::uint8_t* from = image.rgb.data();
  for (std::size_t y = 0; y < image.height_px; ++y) {
    unsigned char* to = data + (top + y) * stride + std::size_t{4} * left;
    for (std::size_t x = 0; x < image.width_px; ++x, from += 3, to += 4) {
      const std::uint32_t pixel = static_cast<std::uint32_t>(from[0]) << 16U |
                                  static_cast<std::uint32_t>(from[1]) << 8U | from[2];
      std::memcpy(to, &pixel, 4);
    }
  }
  cairo_surface_mark_dirty(surface_.get());
}

RgbImage Canvas::take() {
  cairo_surface_flush(surface_.get());
  const auto stride = static_cast<std::size_t>(cairo_image_surface_get_stride(surface_.get()));
  const unsigned char* data = cairo_image_surface_get_data(surface_.get());
  RgbImage image;
  image.height_px = static_cast<std::uint32_t>(cairo_image_surface_get_height(surface_.get()));
  image.width_px = static_cast<std::uint32_t>(cairo_image_surface_get_width(surface_.get()));
  image.rgb.resize(std::size_t{3} * image.height_px * image.width_px);
  std::uint8_t* to = image.rgb.data();
  for (std::size_t y = 0; y < image.height_px; ++y) {
    for (std::size_t x = 0; x < image.width_px; ++x, to += 3) {
      std::uint32_t pixel = 0;
      std::memcpy(&pixel, data + y * stride + 4 * x, 4);
      to[0] = static_cast<std::uint8_t>(pixel >> 16U);
      to[1] = static_cast<std::uint8_t>(pixel >> 8U);
      to[2] = static_cast<std::uint8_t>(pixel);
    }
  }
  return image;
}

void Canvas::set_font(double size_px) {
  font_px_ = size_px;
  cairo_t* context = context_.get();
  cairo_select_font_face(
      context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
      size_px < kBoldBelowPx ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context, size_px);
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(context, options);
  cairo_font_options_destroy(options);
}

double Canvas::text_width(const std::string& text) const {
  cairo_text_extents_t extents;
  cairo_text_extents(context_.get(), text.c_str(), &extents);
  return extents.x_advance;
}

void Canvas::set_ink(Rgb ink) {
  cairo_set_source_rgb(context_.get(), ink.red / 255.0, ink.green / 255.0, ink.blue / 255.0);
}

void Canvas::draw_text(const std::string& text, double x, double y, Rgb ink) {
  cairo_t* context = context_.get();
  cairo_new_path(context);
  cairo_move_to(context, x, y);
  cairo_text_path(context, text.c_str());
  set_ink(border_of(ink));
  cairo_set_line_width(context, 2 * std::max(kBorderOfText * font_px_, kLeastBorderPx));
  cairo_stroke_preserve(context);
  set_ink(ink);
  cairo_fill(context);
}

void Canvas::draw_plain_text(const std::string& text, double x, double y, Rgb ink) {
  cairo_t* context = context_.get();
  cairo_new_path(context);
  cairo_move_to(context, x, y);
  cairo_text_path(context, text.c_str());
  set_ink(ink);
  cairo_fill(context);
}

void Canvas::stroke_with_border(double width_px, Rgb ink) {
  cairo_t* context = context_.get();
  set_ink(border_of(ink));
  cairo_set_line_width(context, width_px + 2 * std::max(0.6 * width_px, 1.0));
  cairo_stroke_preserve(context);
  set_ink(ink);
  cairo_set_line_width(context, width_px);
  cairo_stroke(context);
}

}  // namespace framelog
