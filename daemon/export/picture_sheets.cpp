#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "export/picture.hpp"

namespace framelog {
namespace {

constexpr std::uint32_t kGapPx = 2;  // Between the pictures of a sheet; black.

Result<void> check_sizes(std::span<const RgbImage> pictures, const char* what) {
  if (pictures.empty()) return fail(ErrorCode::kInvalid, what, "of no pictures");
  const RgbImage& first = pictures.front();
  for (const RgbImage& picture : pictures) {
    if (picture.height_px == first.height_px && picture.width_px == first.width_px) continue;
    return fail(ErrorCode::kInvalid, what,
                fmt::format("of pictures of {} x {} and {} x {} pixels (allowed: of one size)",
                            first.height_px, first.width_px, picture.height_px, picture.width_px));
  }
  return {};
}

std::uint32_t ceiling(std::uint32_t count, std::uint32_t of) { return (count + of - 1) / of; }

/// The fewest columns that make a sheet at least as wide as high.
std::uint32_t square_columns(std::uint32_t pictures, const RgbImage& first) {
  const std::uint64_t width = std::uint64_t{first.width_px} + kGapPx;
  const std::uint64_t height = std::uint64_t{first.height_px} + kGapPx;
  std::uint32_t columns = 1;
  while (columns < pictures && columns * width < ceiling(pictures, columns) * height) ++columns;
  return columns;
}

}  // namespace

Result<RgbImage> composite(std::span<const RgbImage> greys, std::span<const Rgb> colours) {
  if (const auto fit = check_sizes(greys, "composite"); !fit) return std::unexpected(fit.error());
  if (greys.size() != colours.size()) {
    return fail(ErrorCode::kInvalid, "composite",
                fmt::format("of {} pictures with {} colours", greys.size(), colours.size()));
  }
  const RgbImage& first = greys.front();
  std::vector<std::uint32_t> sums(first.rgb.size());
  for (std::size_t layer = 0; layer < greys.size(); ++layer) {
    const std::array<std::uint32_t, 3> tint{colours[layer].red, colours[layer].green,
                                            colours[layer].blue};
    for (std::size_t index = 0; index < sums.size(); ++index) {
      sums[index] += greys[layer].rgb[index] * tint[index % 3];
    }
  }
  RgbImage sum{first.height_px, first.width_px, std::vector<std::uint8_t>(sums.size())};
  std::ranges::transform(sums, sum.rgb.begin(), [](std::uint32_t value) {
    return static_cast<std::uint8_t>(std::min((value + 127) / 255, 255U));
  });
  return sum;
}

Result<RgbImage> contact_sheet(std::span<const RgbImage> pictures, std::uint32_t columns) {
  if (const auto fit = check_sizes(pictures, "contact sheet"); !fit) {
    return std::unexpected(fit.error());
  }
  const RgbImage& first = pictures.front();
  const auto count = static_cast<std::uint32_t>(pictures.size());
  columns = columns == 0 ? square_columns(count, first) : std::min(columns, count);
  RgbImage sheet;
  sheet.width_px = columns * (first.width_px + kGapPx) - kGapPx;
  sheet.height_px = ceiling(count, columns) * (first.height_px + kGapPx) - kGapPx;
  sheet.rgb.resize(std::size_t{3} * sheet.width_px * sheet.height_px);
  const std::size_t row_bytes = std::size_t{3} * first.width_px;
  for (std::uint32_t place = 0; place < count; ++place) {
    const std::size_t left = std::size_t{place % columns} * (first.width_px + kGapPx);
    const std::size_t top = std::size_t{place / columns} * (first.height_px + kGapPx);
    for (std::size_t y = 0; y < first.height_px; ++y) {
      std::memcpy(sheet.rgb.data() + 3 * ((top + y) * sheet.width_px + left),
                  pictures[place].rgb.data() + y * row_bytes, row_bytes);
    }
  }
  return sheet;
}

}  // namespace framelog
