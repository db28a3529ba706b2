#pragma once

#include <cairo.h>

#include <memory>
#include <string>

#include "core/result.hpp"
#include "export/picture.hpp"

namespace framelog {

/// A picture that Cairo draws on. What is not drawn on stays as it is. Threads: one.
class Canvas {
 public:
  /// Errors: kNoMemory.
  [[nodiscard]] static Result<Canvas> create(std::uint32_t height_px, std::uint32_t width_px);
  /// Puts the picture's pixels at that place.
  void put(const RgbImage& image, std::uint32_t top, std::uint32_t left);
  /// The picture as it is now.
  [[nodiscard]] RgbImage take();
  [[nodiscard]] cairo_t* context() const noexcept { return context_.get(); }

  /// Without hinting, so that a text is drawn in the same way wherever it stands.
  void set_font(double size_px);
  [[nodiscard]] double text_width(const std::string& text) const;
  /// The baseline begins at (x, y). The text is in `ink`, around it is a border of the opposite
  /// brightness.
  void draw_text(const std::string& text, double x, double y, Rgb ink);
  /// In `ink` alone, for an even ground.
  void draw_plain_text(const std::string& text, double x, double y, Rgb ink);
  void set_ink(Rgb ink);
  /// The current path as a line of that width, with a border as that of texts. The path is gone.
  void stroke_with_border(double width_px, Rgb ink);

 private:
  struct Destroy {
    void operator()(cairo_surface_t* surface) const noexcept { cairo_surface_destroy(surface); }
    void operator()(cairo_t* context) const noexcept { cairo_destroy(context); }
  };
  Canvas() = default;

  std::unique_ptr<cairo_surface_t, Destroy> surface_;
  std::unique_ptr<cairo_t, Destroy> context_;
  double font_px_{10};
};

/// Black beside bright inks, white beside dark ones.
[[nodiscard]] Rgb border_of(Rgb ink) noexcept;

}  // namespace framelog
