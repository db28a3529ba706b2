#include "export/picture_outlines.hpp"

#include <array>
#include <cmath>
#include <numbers>
#include <variant>

namespace framelog {
namespace {

constexpr int kCorners = 180;  // Of what is drawn as a circle.
/// Bright ones that colour-blind people can tell apart: those of Okabe and Ito, without black.
constexpr std::array<Rgb, 7> kInks{{{86, 180, 233},
                                    {230, 159, 0},
                                    {0, 158, 115},
                                    {240, 228, 66},
                                    {204, 121, 167},
                                    {213, 94, 0},
                                    {0, 114, 178}}};

using Line = std::vector<Outline::Point>;

Line circle(double center_y, double center_x, double radius) {
  Line line;
  for (int corner = 0; corner < kCorners; ++corner) {
    const double angle = 2 * std::numbers::pi * corner / kCorners;
    line.push_back(
        {center_x + 0.5 + radius * std::cos(angle), center_y + 0.5 + radius * std::sin(angle)});
  }
  return line;
}

Line rectangle(double y_start, double y_stop, double x_start, double x_stop) {
  return {{x_start, y_start}, {x_stop, y_start}, {x_stop, y_stop}, {x_start, y_stop}};
}

Line rectangle(const Region& region) {
  return rectangle(region.y_start, region.y_stop, region.x_start, region.x_stop);
}

/// Each run of pixels of a row that lie at its border, as lines along and across.
std::vector<Line> border_of(const Mask& mask) {
  const auto inside = [&mask](std::int64_t y, std::int64_t x) {
    return y >= 0 && x >= 0 && y < mask.height_px && x < mask.width_px &&
           mask.values[static_cast<std::size_t>(y) * mask.width_px + static_cast<std::size_t>(x)] !=
               0;
  };
  std::vector<Line> lines;
  const auto add_runs = [&](std::int64_t rows, std::int64_t columns, bool across) {
    for (std::int64_t edge = 0; edge <= rows; ++edge) {
      std::int64_t start = -1;
      for (std::int64_t at = 0; at <= columns; ++at) {
        const bool is_edge = at < columns && (across ? inside(at, edge - 1) != inside(at, edge)
                                                     : inside(edge - 1, at) != inside(edge, at));
        if (is_edge && start < 0) start = at;
        if (is_edge || start < 0) continue;
        const auto a = static_cast<double>(start);
        const auto b = static_cast<double>(at);
        const auto fixed = static_cast<double>(edge);
        lines.push_back(across ? Line{{fixed, a}, {fixed, b}} : Line{{a, fixed}, {b, fixed}});
        start = -1;
      }
    }
  };
  add_runs(mask.height_px, mask.width_px, false);
  add_runs(mask.width_px, mask.height_px, true);
  return lines;
}

struct Border {
  std::vector<Line> operator()(const Disc& disc) const {
    return {circle(disc.center_y, disc.center_x, disc.outer)};
  }
  std::vector<Line> operator()(const Annulus& annulus) const {
    std::vector<Line> lines{circle(annulus.center_y, annulus.center_x, annulus.outer)};
    if (annulus.inner > 0) {
      lines.push_back(circle(annulus.center_y, annulus.center_x, annulus.inner));
    }
    return lines;
  }
  std::vector<Line> operator()(const Rectangle& area) const { return {rectangle(area.region)}; }
  std::vector<Line> operator()(const Mask& mask) const { return border_of(mask); }
};

}  // namespace

std::vector<Outline> make_outlines(const PictureFacts& facts, Rgb ink) {
  std::vector<Outline> outlines;
  for (const DetectorSpec& detector : facts.detectors) {
    const Rgb own = kInks[outlines.size() % kInks.size()];
    outlines.push_back({detector.name, own, std::visit(Border{}, detector.area)});
  }
  for (const Region& region : facts.regions) outlines.push_back({"", ink, {rectangle(region)}});
  return outlines;
}

}  // namespace framelog
