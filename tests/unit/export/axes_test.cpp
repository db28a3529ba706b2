#include "export/axes.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

using Axes = std::vector<Axis>;

TEST(AxesTest, NamesRunTogetherOrApart) {
  EXPECT_EQ(parse_axes("tyx").value(), (Axes{Axis::kTime, Axis::kY, Axis::kX}));
  EXPECT_EQ(parse_axes("sysxyx").value(), (Axes{Axis::kScanY, Axis::kScanX, Axis::kY, Axis::kX}));
  EXPECT_EQ(parse_axes("sy, sx,y,x").value(), parse_axes("sysxyx").value());
  EXPECT_EQ(to_string(parse_axes("sysxyx").value()), "sy,sx,y,x");
  EXPECT_EQ(to_string(parse_axes("tzcyx").value()), "tzcyx");
}

TEST(AxesTest, RefusesWhatIsNoOrder) {
  for (const char* text : {"", "tyy", "q", "t,", "s", "sz", "t y x"}) {
    const auto axes = parse_axes(text);
    ASSERT_FALSE(axes) << text;
    EXPECT_NE(describe(axes.error()).find("allowed"), std::string::npos);
  }
}

TEST(CutoutTest, EndsMayBeLeftOut) {
  const auto cuts = parse_cutout("sy=0:32, sx=:, y=16:, x=:112").value();
  ASSERT_EQ(cuts.size(), 4U);
  EXPECT_EQ(cuts[0], (AxisCut{Axis::kScanY, 0, 32}));
  EXPECT_EQ(cuts[1], (AxisCut{Axis::kScanX, {}, {}}));
  EXPECT_EQ(cuts[2], (AxisCut{Axis::kY, 16, {}}));
  EXPECT_EQ(cuts[3], (AxisCut{Axis::kX, {}, 112}));
}

TEST(CutoutTest, RefusesWhatIsNoCutout) {
  for (const char* text : {"", "t", "t=5", "w=0:1", "z=0:1", "t=3:3", "t=4:2", "t=-1:2",
                           "t=0:1,t=1:2", "t=0:1e3", "t=0:99999999999999999999"}) {
    EXPECT_FALSE(parse_cutout(text)) << text;
  }
}

TEST(CutoutTest, NeverClipsInSilence) {
  EXPECT_EQ(apply({Axis::kY, 2, {}}, 5).value(), (IndexRange{2, 5}));
  EXPECT_FALSE(apply({Axis::kY, 2, 6}, 5));
  EXPECT_FALSE(apply({Axis::kY, 5, {}}, 5));
}

}  // namespace
}  // namespace framelog
