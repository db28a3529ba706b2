#include "reduce/detector_area.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

namespace framelog {
namespace {

/// What is wrong with an area, or nothing.
using Complaint = std::optional<std::string>;

Complaint complaint_of(const FrameShape&, const Annulus& ring) {
  if (!std::isfinite(ring.center_y) || !std::isfinite(ring.center_x)) {
    return "the centre must be two finite numbers";
  }
  if (!std::isfinite(ring.inner) || !std::isfinite(ring.outer) || ring.inner < 0 ||
      ring.outer <= ring.inner) {
    return fmt::format("radii from {} to {} are not possible: 0 <= inner < outer, both finite",
                       ring.inner, ring.outer);
  }
  return std::nullopt;
}

Annulus annulus_of(const Disc& disc) { return {disc.center_y, disc.center_x, 0.0, disc.outer}; }

Complaint complaint_of(const FrameShape& source, const Disc& disc) {
  if (std::isfinite(disc.outer) && disc.outer > 0) return complaint_of(source, annulus_of(disc));
  return fmt::format("a radius of {} is not possible: it must be a finite number above 0",
                     disc.outer);
}

Complaint complaint_of(const FrameShape& source, const Rectangle& rectangle) {
  const Region& region = rectangle.region;
  if (region.y_start < region.y_stop && region.y_stop <= source.height_px &&
      region.x_start < region.x_stop && region.x_stop <= source.width_px) {
    return std::nullopt;
  }
  return fmt::format("{} is empty or reaches outside the frame (y=0:{}, x=0:{})", to_string(region),
                     source.height_px, source.width_px);
}

Complaint complaint_of(const FrameShape& source, const Mask& mask) {
  const std::size_t pixels = std::size_t{source.height_px} * source.width_px;
  if (mask.height_px == source.height_px && mask.width_px == source.width_px &&
      mask.values.size() == pixels) {
    return std::nullopt;
  }
  return fmt::format("the mask is {} x {} with {} values: the frames are {} x {}", mask.height_px,
                     mask.width_px, mask.values.size(), source.height_px, source.width_px);
}

/// An output pixel: its centre, and the first of its source pixels.
struct Bin {
  double center_y{};
  double center_x{};
  std::size_t y{};
  std::size_t x{};
};

// Whether an output pixel belongs to an area.

bool has(const Annulus& ring, const Binning&, const Bin& bin) {
  // Squares of half pixels are exact; a square root would put pixels on the wrong side.
  const double y = bin.center_y - ring.center_y;
  const double x = bin.center_x - ring.center_x;
  const double squared = y * y + x * x;
  return squared >= ring.inner * ring.inner && squared < ring.outer * ring.outer;
}

bool has(const Disc& disc, const Binning& size, const Bin& bin) {
  return has(annulus_of(disc), size, bin);
}

bool has(const Rectangle& rectangle, const Binning&, const Bin& bin) {
  // Its first pixel reaches half a pixel further than that one's centre.
  const Region& region = rectangle.region;
  return bin.center_y >= region.y_start - 0.5 && bin.center_y < region.y_stop - 0.5 &&
         bin.center_x >= region.x_start - 0.5 && bin.center_x < region.x_stop - 0.5;
}

bool has(const Mask& mask, const Binning& size, const Bin& bin) {
  std::uint64_t inside = 0;
  for (std::size_t row = 0; row < size.rows; ++row) {
    const std::uint8_t* first = mask.values.data() + (bin.y + row) * mask.width_px + bin.x;
    inside += static_cast<std::uint64_t>(
        std::count_if(first, first + size.columns, [](std::uint8_t value) { return value != 0; }));
  }
  return 2 * inside > std::uint64_t{size.rows} * size.columns;
}

template <class Area>
std::vector<std::uint8_t> members(const ReductionPlan& plan, const Area& area) {
  std::vector<std::uint8_t> result;
  result.reserve(std::size_t{plan.output.height_px} * plan.output.width_px);
  for (std::size_t row = 0; row < plan.output.height_px; ++row) {
    for (std::size_t column = 0; column < plan.output.width_px; ++column) {
      Bin bin;
      bin.y = plan.region.y_start + row * plan.bin.rows;
      bin.x = plan.region.x_start + column * plan.bin.columns;
      bin.center_y = static_cast<double>(bin.y) + (plan.bin.rows - 1) / 2.0;
      bin.center_x = static_cast<double>(bin.x) + (plan.bin.columns - 1) / 2.0;
      result.push_back(has(area, plan.bin, bin) ? 1 : 0);
    }
  }
  return result;
}

}  // namespace

Result<std::vector<std::uint8_t>> pixels_of(const ReductionPlan& plan,
                                            const DetectorSpec& detector) {
  const auto complaint =
      std::visit([&](const auto& area) { return complaint_of(plan.source, area); }, detector.area);
  if (complaint) {
    return fail(ErrorCode::kInvalid, "detector", fmt::format("{}: {}", detector.name, *complaint));
  }
  auto result = std::visit([&](const auto& area) { return members(plan, area); }, detector.area);
  if (std::ranges::find(result, 1) == result.end()) {
    return fail(ErrorCode::kInvalid, "detector",
                fmt::format("{}: covers no pixel of the product ({}, {} x {})", detector.name,
                            to_string(plan.region), plan.output.height_px, plan.output.width_px));
  }
  return result;
}

}  // namespace framelog
