#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "export/picture.hpp"
#include "export/picture_colours.hpp"
#include "export/picture_pixels.hpp"

namespace framelog {
namespace {

std::vector<std::byte> random_pixels(const FrameShape& shape, std::minstd_rand& random) {
  std::vector<std::byte> pixels(size_bytes(shape));
  with_pixel_type(shape.type, [&](auto kind) {
    using Pixel = decltype(kind);
    for (std::size_t at = 0; at < pixels.size(); at += sizeof(Pixel)) {
      const auto value = static_cast<Pixel>(random() % 30'000 / (sizeof(Pixel) == 1 ? 240 : 1));
      std::memcpy(pixels.data() + at, &value, sizeof(Pixel));
    }
  });
  return pixels;
}

double value_at(const FrameShape& shape, const std::vector<std::byte>& pixels, std::size_t index) {
  double value = 0;
  with_pixel_type(shape.type, [&](auto kind) {
    value = static_cast<double>(pixel_at<decltype(kind)>(pixels, index));
  });
  return value;
}

std::uint32_t colour_at(const RgbImage& image, std::size_t index) {
  const std::uint8_t* at = image.rgb.data() + 3 * index;
  return static_cast<std::uint32_t>(at[0] << 16U | at[1] << 8U | at[2]);
}

TEST(PictureColour, RoundsValuesOfEveryTypeToTheLevelsOfTheMap) {
  std::minstd_rand random(7);
  for (int round = 0; round < 60; ++round) {
    const FrameShape shape{1 + static_cast<std::uint32_t>(random() % 9),
                           1 + static_cast<std::uint32_t>(random() % 9),
                           static_cast<PixelType>(random() % 9)};
    const auto pixels = random_pixels(shape, random);
    const double low = static_cast<double>(random() % 100);
    const ContrastLimits limits{low, low + 1 + static_cast<double>(random() % 20'000)};
    const auto map = static_cast<ColourMap>(random() % 7);
    RgbImage image;
    colour(shape, pixels, limits, map, image);
    ASSERT_EQ(image.rgb.size(), std::size_t{3} * shape.height_px * shape.width_px);
    for (std::size_t index = 0; index < image.rgb.size() / 3; ++index) {
      const double part =
          (value_at(shape, pixels, index) - limits.low) / (limits.high - limits.low);
      const auto level =
          static_cast<std::size_t>(std::clamp(std::floor(part * 255 + 0.5), 0., 255.));
      ASSERT_EQ(colour_at(image, index), colours_of(map)[level]);
    }
  }
}

TEST(PictureColour, ShowsNanAsTheLowestAndInfinityAsTheHighestLevel) {
  const std::array<float, 3> values{std::nanf(""), std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity()};
  RgbImage image;
  colour({1, 3, PixelType::kFloat32}, std::as_bytes(std::span(values)), {0, 1}, ColourMap::kGray,
         image);
  EXPECT_EQ(colour_at(image, 0), 0x000000U);
  EXPECT_EQ(colour_at(image, 1), 0xFFFFFFU);
  EXPECT_EQ(colour_at(image, 2), 0x000000U);
}

TEST(PictureColour, ShowsOneValueInMidGreySoThatItDoesNotLookEmpty) {
  const std::array<std::uint8_t, 3> values{4, 5, 6};
  RgbImage image;
  colour({1, 3, PixelType::kUint8}, std::as_bytes(std::span(values)), {5, 5}, ColourMap::kGray,
         image);
  EXPECT_EQ(colour_at(image, 0), 0x000000U);
  EXPECT_EQ(colour_at(image, 1), 0x808080U);
  EXPECT_EQ(colour_at(image, 2), 0xFFFFFFU);
}

TEST(PictureColour, EveryMapGetsBrighter) {
  const auto brightness = [](std::uint32_t rgb) {
    return 0.2126 * static_cast<double>(rgb >> 16U) +
           0.7152 * static_cast<double>(rgb >> 8U & 0xFFU) +
           0.0722 * static_cast<double>(rgb & 0xFFU);
  };
  for (int map = 0; map < 7; ++map) {
    const ColourTable& table = colours_of(static_cast<ColourMap>(map));
    for (std::size_t level = 8; level < table.size(); level += 8) {
      EXPECT_GT(brightness(table[level]), brightness(table[level - 8])) << map << " " << level;
    }
  }
}

}  // namespace
}  // namespace framelog
