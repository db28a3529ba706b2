#include "formats/thumbnail.hpp"

#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>

namespace framelog {
namespace {

struct Decoded {
  std::uint32_t width_px{};
  std::uint32_t height_px{};
  std::vector<std::uint8_t> levels;
  std::map<std::string, std::string> texts;
};

struct Input {
  std::span<const std::byte> bytes;
};

void read_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto& input = *static_cast<Input*>(png_get_io_ptr(png));
  if (input.bytes.size() < count) png_error(png, "cut off");
  std::memcpy(to, input.bytes.data(), count);
  input.bytes = input.bytes.subspan(count);
}

Decoded decode(const std::vector<std::byte>& file) {
  Decoded image;
  Input input{file};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_read_fn(png, &input, read_bytes);
  png_read_info(png, info);
  image.width_px = png_get_image_width(png, info);
  image.height_px = png_get_image_height(png, info);
  EXPECT_EQ(png_get_bit_depth(png, info), 8);
  EXPECT_EQ(png_get_color_type(png, info), PNG_COLOR_TYPE_GRAY);
  image.levels.resize(std::size_t{image.width_px} * image.height_px);
  for (std::uint32_t y = 0; y < image.height_px; ++y) {
    png_read_row(png, image.levels.data() + std::size_t{y} * image.width_px, nullptr);
  }
  png_read_end(png, info);
  png_textp texts = nullptr;
  const int count = png_get_text(png, info, &texts, nullptr);
  for (int i = 0; i < count; ++i) image.texts[texts[i].key] = texts[i].text;
  png_destroy_read_struct(&png, &info, nullptr);
  return image;
}

template <class Pixel>
Decoded thumbnail(std::uint32_t height_px, std::uint32_t width_px, PixelType type,
                  const std::vector<Pixel>& pixels, std::uint32_t longest_side_px = 640) {
  const auto file = make_thumbnail({height_px, width_px, type}, std::as_bytes(std::span(pixels)),
                                   longest_side_px);
  EXPECT_TRUE(file) << describe(file.error());
  return file ? decode(*file) : Decoded{};
}

using Levels = std::vector<std::uint8_t>;

TEST(Thumbnail, StretchesTheContrastFromSmallestToLargest) {
  const auto image = thumbnail<std::uint16_t>(2, 2, PixelType::kUint16, {1000, 1100, 1200, 1510});
  EXPECT_EQ(image.width_px, 2U);
  EXPECT_EQ(image.height_px, 2U);
  EXPECT_EQ(image.levels, (Levels{0, 50, 100, 255}));
  EXPECT_EQ(image.texts.at("framelog:range"), "1000 1510");
  EXPECT_EQ(image.texts.at("framelog:shrink"), "1");
}

template <class Pixel>
void expect_extremes(PixelType type) {
  const auto image = thumbnail<Pixel>(
      1, 3, type,
      {std::numeric_limits<Pixel>::lowest(), Pixel{}, std::numeric_limits<Pixel>::max()});
  ASSERT_EQ(image.levels.size(), 3U);
  EXPECT_EQ(image.levels[0], 0);
  EXPECT_EQ(image.levels[1], std::numeric_limits<Pixel>::is_signed ? 128 : 0) << name_of(type);
  EXPECT_EQ(image.levels[2], 255) << name_of(type);
}

TEST(Thumbnail, TakesTheExtremesOfEveryType) {
  expect_extremes<std::uint8_t>(PixelType::kUint8);
  expect_extremes<std::int8_t>(PixelType::kInt8);
  expect_extremes<std::uint16_t>(PixelType::kUint16);
  expect_extremes<std::int16_t>(PixelType::kInt16);
  expect_extremes<std::uint32_t>(PixelType::kUint32);
  expect_extremes<std::int32_t>(PixelType::kInt32);
  expect_extremes<std::uint64_t>(PixelType::kUint64);
  expect_extremes<float>(PixelType::kFloat32);
  expect_extremes<double>(PixelType::kFloat64);
}

TEST(Thumbnail, ShrinksByTheMeanOfWholeBoxes) {
  std::mt19937 random(1);
  for (int repeat = 0; repeat < 100; ++repeat) {
    const auto height = static_cast<std::uint32_t>(1 + random() % 60);
    const auto width = static_cast<std::uint32_t>(1 + random() % 60);
    const auto limit = static_cast<std::uint32_t>(1 + random() % 40);
    std::vector<std::int16_t> pixels(std::size_t{height} * width);
    for (auto& pixel : pixels) pixel = static_cast<std::int16_t>(random() & 0xFFFFU);
    const auto image = thumbnail(height, width, PixelType::kInt16, pixels, limit);
    std::uint32_t k = 1;
    while ((std::max(height, width) + k - 1) / k > limit) ++k;
    std::vector<double> means;
    for (std::uint32_t top = 0; top < height; top += k) {
      for (std::uint32_t left = 0; left < width; left += k) {
        double sum = 0;
        int count = 0;
        for (std::uint32_t y = top; y < std::min(top + k, height); ++y) {
          for (std::uint32_t x = left; x < std::min(left + k, width); ++x, ++count) {
            sum += pixels[std::size_t{y} * width + x];
          }
        }
        means.push_back(sum / count);
      }
    }
    ASSERT_LE(std::max(image.width_px, image.height_px), limit);
    ASSERT_EQ(image.levels.size(), means.size());
    EXPECT_EQ(image.texts.at("framelog:shrink"), std::to_string(k));
    const auto [min, max] = std::ranges::minmax(means);
    for (std::size_t i = 0; i < means.size(); ++i) {
      const double level = min == max ? 128.0 : (means[i] - min) / (max - min) * 255.0;
      EXPECT_NEAR(image.levels[i], level, 0.5001);
    }
  }
}

TEST(Thumbnail, ShowsAFrameOfOneValueMidGrey) {
  EXPECT_EQ(thumbnail<std::uint8_t>(1, 2, PixelType::kUint8, {7, 7}).levels, (Levels{128, 128}));
  EXPECT_EQ(thumbnail<std::uint8_t>(1, 1, PixelType::kUint8, {0}).levels, Levels{128});
}

TEST(Thumbnail, LeavesOutPixelsThatAreNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  const auto image = thumbnail<float>(2, 4, PixelType::kFloat32,
                                      {nan, nan, 1, nan, nan, infinite, 3, -infinite}, 2);
  EXPECT_EQ(image.levels, (Levels{0, 128}));
  EXPECT_EQ(image.texts.at("framelog:range"), "2 2");
  const auto none = thumbnail<float>(1, 2, PixelType::kFloat32, {nan, infinite});
  EXPECT_EQ(none.levels, (Levels{0, 0}));
  EXPECT_EQ(none.texts.at("framelog:range"), "none");
}

TEST(Thumbnail, KeepsAPixelOfTheShortSide) {
  const auto line = thumbnail(1, 4000, PixelType::kUint8, std::vector<std::uint8_t>(4000, 1));
  EXPECT_EQ(line.height_px, 1U);
  EXPECT_EQ(line.width_px, 572U);  // Boxes of 7.
  const auto column = thumbnail(641, 1, PixelType::kUint8, std::vector<std::uint8_t>(641, 1));
  EXPECT_EQ(column.width_px, 1U);
  EXPECT_EQ(column.height_px, 321U);
}

TEST(Thumbnail, RefusesFramesThatAreNone) {
  const std::vector<std::byte> pixels(4);
  EXPECT_EQ(make_thumbnail({2, 2, PixelType::kUint16}, pixels).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(make_thumbnail({0, 2, PixelType::kUint8}, {}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(make_thumbnail({2, 2, PixelType::kUint8}, pixels, 0).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace framelog
