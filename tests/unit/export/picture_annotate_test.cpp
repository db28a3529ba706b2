#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <random>

#include "export/media/media_interface.hpp"
#include "export/picture.hpp"
#include "export/picture_outlines.hpp"
#include "export/picture_ticks.hpp"

// fontconfig keeps what it has read until the program ends, which LeakSanitizer takes for lost.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig.so"; }

namespace framelog {
namespace {

enum class Ground : std::uint8_t { kBlack, kWhite, kNoise };

RgbImage ground(Ground kind, std::uint32_t height, std::uint32_t width) {
  RgbImage image{height, width, {}};
  std::minstd_rand random(1);
  for (std::size_t pixel = 0; pixel < std::size_t{height} * width; ++pixel) {
    const auto noise = static_cast<std::uint8_t>(random() >> 9U);
    const std::uint8_t level = kind == Ground::kBlack ? 0 : kind == Ground::kWhite ? 255 : noise;
    image.rgb.insert(image.rgb.end(), 3, level);
  }
  return image;
}

/// A part of a picture, in parts of its size.
struct Area {
  double top, bottom, left, right;
};

/// Pixels of about that colour.
std::size_t count_in(const RgbImage& image, const Area& area, Rgb colour) {
  std::size_t found = 0;
  const auto start_y = static_cast<std::size_t>(area.top * image.height_px);
  const auto stop_y = static_cast<std::size_t>(area.bottom * image.height_px);
  const auto start_x = static_cast<std::size_t>(area.left * image.width_px);
  const auto stop_x = static_cast<std::size_t>(area.right * image.width_px);
  for (std::size_t y = start_y; y < stop_y; ++y) {
    for (std::size_t x = start_x; x < stop_x; ++x) {
      const std::uint8_t* at = image.rgb.data() + 3 * (y * image.width_px + x);
      const int away = std::abs(at[0] - colour.red) + std::abs(at[1] - colour.green) +
                       std::abs(at[2] - colour.blue);
      if (away <= 120) ++found;  // Letters have soft edges.
    }
  }
  return found;
}

PictureFacts micrometres(std::uint32_t height, std::uint32_t width) {
  PictureFacts facts;
  facts.timestamp = "12.345 s";
  facts.axes = {AxisFacts{Axis::kY, height, 0, 0.65, "um"},
                AxisFacts{Axis::kX, width, 0, 0.65, "um"}};
  return facts;
}

constexpr Rgb kWhiteInk{255, 255, 255};
constexpr Rgb kBlackInk{0, 0, 0};

class Drawn : public testing::Test {
 protected:
  void SetUp() override {
    if (!media_module("a test")) GTEST_SKIP() << describe(media_module("a test").error());
  }
};

/// Where ink was put on black, and a border on white.
std::vector<bool> drawn_pixels(Ground kind, const RgbImage& image) {
  std::vector<bool> drawn;
  for (std::size_t at = 0; at < image.rgb.size(); at += 3) {
    drawn.push_back(kind == Ground::kBlack ? image.rgb[at] > 200 : image.rgb[at] < 55);
  }
  return drawn;
}

TEST_F(Drawn, InkAndBorderAreTheSameOnEveryGround) {
  for (const std::uint32_t size : {128U, 512U}) {
    std::array<RgbImage, 3> images;
    RgbImage noise;
    for (const Ground kind : {Ground::kBlack, Ground::kWhite, Ground::kNoise}) {
      RgbImage& image = images[static_cast<std::size_t>(kind)];
      image = ground(kind, size, size);
      if (kind == Ground::kNoise) noise = image;
      PictureRequest request;
      request.timestamps = request.scale_bar.shown = true;
      ASSERT_TRUE(annotate(image, micrometres(size, size), request).has_value());
    }
    const auto ink = drawn_pixels(Ground::kBlack, images[0]);
    const auto border = drawn_pixels(Ground::kWhite, images[1]);
    EXPECT_GT(std::ranges::count(ink, true), 100);
    EXPECT_GT(std::ranges::count(border, true), 100);
    for (std::size_t pixel = 0; pixel < ink.size(); ++pixel) {
      const std::uint8_t on_noise = images[2].rgb[3 * pixel];
      ASSERT_TRUE(!ink[pixel] || on_noise > 190);
      ASSERT_TRUE(!border[pixel] || on_noise < 65);
    }
    // Where nothing is drawn nothing changes.
    const auto middle = static_cast<std::ptrdiff_t>(std::size_t{3} * size * (size / 2));
    EXPECT_TRUE(std::equal(noise.rgb.begin() + middle, noise.rgb.begin() + middle + 3 * size,
                           images[2].rgb.begin() + middle));
  }
}

TEST_F(Drawn, TheScaleBarIsAsLongAsItSays) {
  RgbImage image = ground(Ground::kBlack, 300, 1024);
  PictureRequest request;
  request.scale_bar.shown = true;
  ASSERT_TRUE(annotate(image, micrometres(300, 1024), request).has_value());
  std::size_t longest = 0;
  for (std::size_t y = 0; y < 300; ++y) {
    std::size_t run = 0;
    for (std::size_t x = 0; x < 1024; ++x) {
      run = image.rgb[3 * (y * 1024 + x)] == 255 ? run + 1 : 0;
      longest = std::max(longest, run);
    }
  }
  EXPECT_EQ(longest, std::lround(100 / 0.65));
}

TEST_F(Drawn, DarkInkHasABrightBorder) {
  RgbImage image = ground(Ground::kBlack, 200, 200);
  PictureRequest request;
  request.timestamps = true;
  request.ink = {0, 0, 0};
  ASSERT_TRUE(annotate(image, micrometres(200, 200), request).has_value());
  EXPECT_GT(count_in(image, {0, 0.2, 0, 1}, kWhiteInk), 50U);
}

TEST_F(Drawn, OutlinesStandAroundTheirPixels) {
  RgbImage image = ground(Ground::kBlack, 100, 100);
  PictureRequest request;
  request.outlines = true;
  request.zoom = 4;
  PictureFacts facts = micrometres(100, 100);
  facts.regions = {{40, 60, 20, 30}};
  ASSERT_TRUE(annotate(image, facts, request).has_value());
  ASSERT_EQ(image.width_px, 400U);
  // The left edge of pixel 20, whose middle is at 82.
  const std::uint8_t* edge = image.rgb.data() + 3 * (200 * 400 + 80);
  EXPECT_GT(std::max(edge[0], edge[-3]), 120);
  EXPECT_EQ(image.rgb[3 * (200 * 400 + 100)], 0);
}

TEST_F(Drawn, AxesMakeThePictureLargerAndKeepItsPixels) {
  const RgbImage before = ground(Ground::kNoise, 200, 300);
  RgbImage image = before;
  PictureRequest request;
  request.axes = true;
  request.title = "Title";
  ASSERT_TRUE(annotate(image, micrometres(200, 300), request).has_value());
  ASSERT_GT(image.width_px, 300U);
  ASSERT_GT(image.height_px, 200U);
  bool found = false;
  const std::span first_row = std::span(before.rgb).first(900);
  for (std::size_t y = 0; y + 200 <= image.height_px && !found; ++y) {
    const auto row = std::span(image.rgb).subspan(3 * y * image.width_px, 3 * image.width_px);
    found = !std::ranges::search(row, first_row).empty();
  }
  EXPECT_TRUE(found);
  EXPECT_GT(count_in(image, {0.9, 1, 0.2, 1}, kBlackInk), 20U);  // "x (µm)"
}

TEST(Annotate, ScaleBarsNeedAPixelSize) {
  RgbImage image = ground(Ground::kBlack, 20, 20);
  PictureRequest request;
  request.scale_bar.shown = true;
  const auto drawn = annotate(image, {}, request);
  ASSERT_FALSE(drawn.has_value());
  EXPECT_EQ(drawn.error().code, ErrorCode::kInvalid);
}

TEST(Annotate, WithoutAnythingToDrawItOnlyZooms) {
  RgbImage image = ground(Ground::kNoise, 20, 30);
  PictureRequest request;
  request.zoom = 2;
  ASSERT_TRUE(annotate(image, {}, request).has_value());
  EXPECT_EQ(image.width_px, 60U);
}

TEST(Outlines, BordersOfMasksHaveTheLengthOfTheirEdges) {
  std::minstd_rand random(6);
  for (int round = 0; round < 30; ++round) {
    Mask mask{1 + static_cast<std::uint32_t>(random() % 9),
              1 + static_cast<std::uint32_t>(random() % 9),
              {}};
    for (std::uint32_t pixel = 0; pixel < mask.height_px * mask.width_px; ++pixel) {
      mask.values.push_back(static_cast<std::uint8_t>(random() % 3 == 0));
    }
    const auto at = [&](int y, int x) {
      const bool there = y >= 0 && x >= 0 && y < static_cast<int>(mask.height_px) &&
                         x < static_cast<int>(mask.width_px);
      return there && mask.values[static_cast<std::size_t>(y) * mask.width_px +
                                  static_cast<std::size_t>(x)] != 0;
    };
    double plain = 0;
    for (int y = -1; y < static_cast<int>(mask.height_px); ++y) {
      for (int x = -1; x < static_cast<int>(mask.width_px); ++x) {
        plain += (at(y, x) != at(y + 1, x)) + (at(y, x) != at(y, x + 1));
      }
    }
    PictureFacts facts;
    facts.detectors = {{"mask", mask}};
    const auto outlines = make_outlines(facts, kWhiteInk);
    ASSERT_EQ(outlines.size(), 1U);
    double length = 0;
    for (const auto& line : outlines[0].lines) {
      ASSERT_EQ(line.size(), 2U);
      length += std::abs(line[0].x - line[1].x) + std::abs(line[0].y - line[1].y);
    }
    EXPECT_EQ(length, plain);
  }
}

std::string labels(const std::vector<AxisTick>& ticks) {
  std::string text;
  for (const AxisTick& tick : ticks) text += tick.label + " ";
  return text;
}

TEST(Ticks, StandAtRoundNumbers) {
  EXPECT_EQ(labels(axis_ticks({Axis::kX, 1024, 0, 0.65, "um"}, 7)), "0 200 400 600 ");
  EXPECT_EQ(labels(axis_ticks({Axis::kX, 101, 0, 0.001, "nm"}, 7)),
            "0.00 0.02 0.04 0.06 0.08 0.10 ");
  EXPECT_EQ(labels(axis_ticks({Axis::kX, 256, -64, 0.5, "mrad"}, 7)), "-50 0 50 ");
  EXPECT_EQ(labels(axis_ticks({Axis::kX, 1, 3, 1, ""}, 7)), "3 ");
  EXPECT_EQ(axis_label({Axis::kX, 1, 3, 1, ""}), "x (px)");
  EXPECT_EQ(axis_label({Axis::kY, 1, 3, 1, "um"}), "y (µm)");
}

TEST(Ticks, AreWithinTheAxisAndNotMoreThanAllowed) {
  std::minstd_rand random(8);
  for (int round = 0; round < 3000; ++round) {
    AxisFacts axis{Axis::kX, 2 + random() % 3000, static_cast<double>(random() % 2000) - 1000,
                   std::pow(10.0, static_cast<double>(random() % 8) - 4), "nm"};
    if (random() % 4 == 0) axis.step = -axis.step;
    const auto ticks = axis_ticks(axis, 7);
    ASSERT_GE(ticks.size(), 1U);
    ASSERT_LE(ticks.size(), 7U);
    for (const AxisTick& tick : ticks) {
      ASSERT_GT(tick.index, -0.01);
      ASSERT_LT(tick.index, static_cast<double>(axis.size) - 0.99);
      const double value = axis.origin + axis.step * tick.index;
      ASSERT_NEAR(std::stod(tick.label), value, 1e-3 * std::abs(axis.step * 100) + 1e-9);
    }
  }
}

}  // namespace
}  // namespace framelog
