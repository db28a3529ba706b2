#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "export/picture.hpp"
#include "export/picture_zoom.hpp"

namespace framelog {
namespace {

RgbImage random_image(std::uint32_t height, std::uint32_t width, std::minstd_rand& random) {
  RgbImage image{height, width, std::vector<std::uint8_t>(std::size_t{3} * height * width)};
  for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(random() >> 5U);
  return image;
}

TEST(PictureSheets, CompositesAddUpAndClip) {
  std::minstd_rand random(2);
  const std::vector<RgbImage> layers{random_image(4, 5, random), random_image(4, 5, random),
                                     random_image(4, 5, random)};
  const std::vector<Rgb> colours{{255, 0, 0}, {0, 255, 128}, {200, 40, 255}};
  const auto sum = composite(layers, colours);
  ASSERT_TRUE(sum.has_value());
  for (std::size_t at = 0; at < sum->rgb.size(); ++at) {
    double plain = 0;
    for (std::size_t layer = 0; layer < 3; ++layer) {
      const std::array<int, 3> tint{colours[layer].red, colours[layer].green, colours[layer].blue};
      plain += layers[layer].rgb[at] * tint[at % 3] / 255.0;
    }
    ASSERT_EQ(sum->rgb[at], static_cast<std::uint8_t>(std::min(std::round(plain), 255.0)));
  }
}

TEST(PictureSheets, CompositesOfDifferentSizesAreRefused) {
  std::minstd_rand random(2);
  const std::vector<RgbImage> layers{random_image(4, 5, random), random_image(5, 4, random)};
  EXPECT_FALSE(composite(layers, std::vector<Rgb>(2)).has_value());
  EXPECT_FALSE(composite({}, {}).has_value());
  EXPECT_FALSE(composite(std::span(layers).first(1), std::vector<Rgb>(2)).has_value());
}

TEST(PictureSheets, SheetsPutPicturesInRows) {
  std::minstd_rand random(4);
  std::vector<RgbImage> pictures;
  for (int count = 0; count < 7; ++count) pictures.push_back(random_image(6, 9, random));
  const auto sheet = contact_sheet(pictures, 3);
  ASSERT_TRUE(sheet.has_value());
  EXPECT_EQ(sheet->width_px, 3U * 9 + 2 * 2);
  EXPECT_EQ(sheet->height_px, 3U * 6 + 2 * 2);
  RgbImage plain{sheet->height_px, sheet->width_px, std::vector<std::uint8_t>(sheet->rgb.size())};
  for (std::size_t at = 0; at < pictures.size(); ++at) {
    for (std::size_t index = 0; index < pictures[at].rgb.size(); ++index) {
      const std::size_t y = at / 3 * 8 + index / 27;
      const std::size_t x = at % 3 * 11 + index % 27 / 3;
      plain.rgb[3 * (y * plain.width_px + x) + index % 3] = pictures[at].rgb[index];
    }
  }
  EXPECT_EQ(sheet->rgb, plain.rgb);
}

TEST(PictureSheets, ChoosesColumnsSoThatTheSheetIsAboutSquare) {
  std::minstd_rand random(4);
  for (const std::size_t count : {1U, 2U, 5U, 16U, 30U}) {
    const std::vector<RgbImage> pictures(count, random_image(20, 30, random));
    const auto sheet = contact_sheet(pictures, 0);
    ASSERT_TRUE(sheet.has_value());
    EXPECT_GE(sheet->width_px, sheet->height_px) << count;
    EXPECT_LE(sheet->width_px, 4 * sheet->height_px) << count;
  }
}

TEST(PictureZoom, WholeFactorsRepeatPixels) {
  std::minstd_rand random(9);
  const RgbImage image = random_image(3, 4, random);
  const auto large = zoom(image, 3);
  ASSERT_TRUE(large.has_value());
  ASSERT_EQ(large->width_px, 12U);
  ASSERT_EQ(large->height_px, 9U);
  for (std::size_t y = 0; y < 9; ++y) {
    for (std::size_t x = 0; x < 12; ++x) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        ASSERT_EQ(large->rgb[3 * (12 * y + x) + channel],
                  image.rgb[3 * (4 * (y / 3) + x / 3) + channel]);
      }
    }
  }
}

TEST(PictureZoom, OtherFactorsKeepRampsAndMeans) {
  RgbImage ramp{8, 50, {}};
  for (std::size_t pixel = 0; pixel < 400; ++pixel) {
    ramp.rgb.insert(ramp.rgb.end(), 3, static_cast<std::uint8_t>(pixel % 50 * 5));
  }
  for (const double factor : {1.5, 2.5, 0.5, 0.3}) {
    const auto zoomed = zoom(ramp, factor);
    ASSERT_TRUE(zoomed.has_value());
    ASSERT_EQ(zoomed->width_px, std::lround(50 * factor));
    for (std::size_t x = 0; x < zoomed->width_px; ++x) {
      const double place = (static_cast<double>(x) + 0.5) * 50 / zoomed->width_px - 0.5;
      if (place < 0.5 || place > 48.5) continue;  // The edge has nothing beside it.
      EXPECT_NEAR(zoomed->rgb[3 * x], 5 * place, 0.6) << factor << " " << x;
    }
  }
}

TEST(PictureZoom, RefusesWhatIsNoSize) {
  const RgbImage image{1, 1, {1, 2, 3}};
  EXPECT_FALSE(zoom(image, 0).has_value());
  EXPECT_FALSE(zoom(image, -2).has_value());
  EXPECT_FALSE(zoom(image, 40'000).has_value());
  EXPECT_FALSE(zoom(image, std::nan("")).has_value());
  const auto least = zoom(image, 0.01);
  ASSERT_TRUE(least.has_value());
  EXPECT_EQ(least->rgb, image.rgb);
}

}  // namespace
}  // namespace framelog
