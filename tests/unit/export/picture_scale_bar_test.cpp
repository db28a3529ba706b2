#include "export/picture_scale_bar.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>

namespace framelog {
namespace {

/// The rule once more, by trying every unit and every length.
ScaleBar plain_search(double width_px, double nanometres) {
  const std::array<std::pair<const char*, double>, 4> units{
      {{"nm", 1}, {"µm", 1e3}, {"mm", 1e6}, {"m", 1e9}}};
  std::size_t unit = 0;
  for (std::size_t index = 1; index < units.size(); ++index) {
    if (0.15 * width_px * nanometres / units[index].second >= 0.1) unit = index;
  }
  const double width = width_px * nanometres / units[unit].second;
  ScaleBar best;
  double nearest = std::numeric_limits<double>::infinity();
  for (int tens = -12; tens <= 15; ++tens) {
    for (const int digit : {1, 2, 5}) {
      const double length = digit * std::pow(10.0, tens);
      if (length < 0.04 * width || length > 0.3 * width) continue;
      if (std::abs(length - 0.15 * width) >= nearest) continue;
      nearest = std::abs(length - 0.15 * width);
      best = {length, units[unit].first, length / width * width_px};
    }
  }
  return best;
}

TEST(PictureScaleBar, KnownExample) {
  const auto bar = automatic_scale_bar(1024, {0.65, "um"});
  ASSERT_TRUE(bar.has_value());
  EXPECT_EQ(bar->text(), "100 µm");
  EXPECT_NEAR(bar->length_px, 153.8, 0.1);
}

TEST(PictureScaleBar, IsWhatAPlainSearchFinds) {
  std::minstd_rand random(5);
  for (int round = 0; round < 5000; ++round) {
    const double width_px = 1 + static_cast<double>(random() % 8000);
    const double nanometres = std::pow(10.0, static_cast<double>(random() % 9000) / 1000 - 2);
    const ScaleBar plain = plain_search(width_px, nanometres);
    for (const auto& [unit, factor] :
         {std::pair{"nm", 1.0}, std::pair{"um", 1e3}, std::pair{"mm", 1e6}}) {
      const auto bar = automatic_scale_bar(width_px, {nanometres / factor, unit});
      ASSERT_TRUE(bar.has_value());
      ASSERT_EQ(bar->text(), plain.text()) << width_px << " " << nanometres << " nm in " << unit;
      ASSERT_NEAR(bar->length_px, plain.length_px, 1e-6 * plain.length_px);
    }
  }
}

TEST(PictureScaleBar, KeepsUnitsThatAreNoLengths) {
  for (const char* unit : {"mrad", "1/nm", "px"}) {
    const auto bar = automatic_scale_bar(256, {0.5, unit});
    ASSERT_TRUE(bar.has_value());
    EXPECT_EQ(bar->text(), std::string("20 ") + unit);
  }
}

TEST(PictureScaleBar, NeedsAPixelSize) {
  EXPECT_FALSE(automatic_scale_bar(100, {0, "nm"}).has_value());
  EXPECT_FALSE(automatic_scale_bar(100, {-1, "nm"}).has_value());
  const auto bar = scale_bar_of(100, {1, ""}, {});
  ASSERT_FALSE(bar.has_value());
  EXPECT_EQ(describe(bar.error()),
            "--scale-bar: the pixel size is not known (allowed: with --pixel-size)");
}

TEST(PictureScaleBar, TakesTheLengthThatIsGiven) {
  ScaleBarRequest request{true, 100, "nm"};
  const auto bar = scale_bar_of(512, {0.002, "um"}, request);
  ASSERT_TRUE(bar.has_value());
  EXPECT_EQ(bar->text(), "100 nm");
  EXPECT_NEAR(bar->length_px, 50, 1e-9);
  request.length = 10'000;
  EXPECT_FALSE(scale_bar_of(512, {0.002, "um"}, request).has_value());
  EXPECT_FALSE(scale_bar_of(512, {0.002, "mrad"}, request).has_value());
}

}  // namespace
}  // namespace framelog
