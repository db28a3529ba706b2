#include "reduce/plan.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "reduction_fixture.hpp"

namespace framelog {
namespace {

using testing::spec_of;

constexpr std::uint32_t kHuge = std::uint32_t{1} << 31U;

FrameShape shape(std::uint32_t height, std::uint32_t width, PixelType type = PixelType::kUint16) {
  return {height, width, type};
}

std::string error_of(const FrameShape& source, const ReductionSpec& spec,
                     std::optional<double> saturation = {}) {
  const auto plan = make_plan(source, spec, saturation);
  if (plan) return "no error";
  EXPECT_EQ(plan.error().code, ErrorCode::kInvalid);
  return describe(plan.error());
}

PixelType type_of(PixelType source, Binning bin, BinMode mode = BinMode::kSum) {
  const auto plan = make_plan({bin.rows, bin.columns, source}, spec_of({}, bin, mode), {});
  EXPECT_TRUE(plan.has_value());
  return plan ? plan->output.type : PixelType::kInt8;
}

TEST(Plan, NothingAskedForIsTheIdentity) {
  const auto plan = make_plan(shape(100, 128), {}, {});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->identity);
  EXPECT_EQ(plan->output, plan->source);
  EXPECT_EQ(plan->region, (Region{0, 100, 0, 128}));
  EXPECT_EQ(plan->saturation, std::numeric_limits<double>::infinity());
}

TEST(Plan, RegionOfTheWholeFrameIsTheIdentity) {
  const auto plan = make_plan(shape(100, 128), spec_of(RegionSpec{0, 100, {}, 128}), 4095.0);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->identity);
  EXPECT_EQ(plan->saturation, 4095.0);
}

TEST(Plan, OpenEndsReachToTheEdges) {
  const auto plan = make_plan(shape(100, 128), spec_of(RegionSpec{16, {}, {}, 112}), {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->region, (Region{16, 100, 0, 112}));
  EXPECT_EQ(plan->output, shape(84, 112));
  EXPECT_FALSE(plan->identity);
}

TEST(Plan, LastIncompleteBinsAreCutOff) {
  const auto plan = make_plan(shape(100, 128), spec_of(RegionSpec{1, 12, 3, 13}, {4, 3}), {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->region, (Region{1, 9, 3, 12}));
  EXPECT_EQ(plan->output, shape(2, 3, PixelType::kUint32));
  EXPECT_FALSE(plan->identity);
}

TEST(Plan, MeanOfOnePixelIsTheIdentity) {
  const auto plan =
      make_plan(shape(4, 4, PixelType::kInt32), spec_of({}, {1, 1}, BinMode::kMean), {});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->identity);
}

TEST(Plan, RegionOutsideTheFrameSaysWhatThereIs) {
  EXPECT_EQ(error_of(shape(100, 100), spec_of(RegionSpec{16, 112, 16, 112})),
            "roi y=16:112 reaches outside the frame (y=0:100)");
  EXPECT_EQ(error_of(shape(100, 100), spec_of(RegionSpec{{}, {}, 16, 101})),
            "roi x=16:101 reaches outside the frame (x=0:100)");
  EXPECT_EQ(error_of(shape(100, 100), spec_of(RegionSpec{101, {}, {}, {}})),
            "roi y=101:100 reaches outside the frame (y=0:100)");
  EXPECT_EQ(error_of(shape(100, 100), spec_of(RegionSpec{{}, kHuge, {}, {}})),
            "roi y=0:2147483648 reaches outside the frame (y=0:100)");
}

TEST(Plan, EmptyOrReversedRegionIsAnError) {
  EXPECT_EQ(error_of(shape(100, 90), spec_of(RegionSpec{20, 20, {}, {}})),
            "roi y=20:20 is empty: the start must be below the stop, within y=0:100");
  EXPECT_EQ(error_of(shape(100, 90), spec_of(RegionSpec{{}, {}, 30, 20})),
            "roi x=30:20 is empty: the start must be below the stop, within x=0:90");
  EXPECT_EQ(error_of(shape(100, 90), spec_of(RegionSpec{{}, {}, 90, {}})),
            "roi x=90:90 is empty: the start must be below the stop, within x=0:90");
}

TEST(Plan, BinningThatDoesNotFitIsAnError) {
  EXPECT_EQ(error_of(shape(4, 6), spec_of({}, {0, 2})),
            "bin 0x2 is not possible: rows and columns must be 1 or more");
  EXPECT_EQ(error_of(shape(4, 6), spec_of({}, {2, 0})),
            "bin 2x0 is not possible: rows and columns must be 1 or more");
  EXPECT_EQ(error_of(shape(4, 6), spec_of({}, {8, 8})),
            "bin 8x8 is larger than the region (4 x 6)");
  EXPECT_EQ(error_of(shape(8, 8), spec_of(RegionSpec{{}, 4, {}, 6}, {1, 7})),
            "bin 1x7 is larger than the region (4 x 6)");
}

TEST(Plan, EmptyFrameIsAnError) {
  EXPECT_EQ(error_of(shape(0, 6), {}),
            "frame 0 x 6 uint16 is empty: height and width must be 1 or more");
  EXPECT_EQ(error_of(shape(6, 0), {}),
            "frame 6 x 0 uint16 is empty: height and width must be 1 or more");
}

TEST(Plan, SaturationMustBeANumber) {
  EXPECT_EQ(error_of(shape(1, 1), {}, std::nan("")), "saturation must be a number, not NaN");
}

TEST(Plan, HugeFramesDoNotOverflow) {
  const auto plan =
      make_plan(shape(kHuge, kHuge), spec_of(RegionSpec{1, {}, 1, kHuge}, {2, 3}), {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->region.height_px(), kHuge - 2);
  EXPECT_EQ(plan->region.width_px(), (kHuge - 1) / 3 * 3);
  EXPECT_EQ(error_of(shape(kHuge, kHuge), spec_of({}, {kHuge, kHuge})),
            "bin 2147483648x2147483648 has too many pixels: 2147483648 per bin at most");
  EXPECT_TRUE(make_plan(shape(1, kHuge), spec_of({}, {1, kHuge}), {}).has_value());
}

TEST(Plan, SumsOfUnsignedGetTheSmallestTypeThatHoldsThem) {
  EXPECT_EQ(type_of(PixelType::kUint8, {1, 1}), PixelType::kUint8);
  EXPECT_EQ(type_of(PixelType::kUint8, {1, 2}), PixelType::kUint16);
  EXPECT_EQ(type_of(PixelType::kUint8, {1, 257}), PixelType::kUint16);
  EXPECT_EQ(type_of(PixelType::kUint8, {1, 258}), PixelType::kUint32);
  EXPECT_EQ(type_of(PixelType::kUint8, {4096, 4112}), PixelType::kUint32);
  EXPECT_EQ(type_of(PixelType::kUint8, {1, 16843010}), PixelType::kUint64);
  EXPECT_EQ(type_of(PixelType::kUint16, {8, 8}), PixelType::kUint32);
  EXPECT_EQ(type_of(PixelType::kUint16, {1, 65537}), PixelType::kUint32);
  EXPECT_EQ(type_of(PixelType::kUint16, {1, 65538}), PixelType::kUint64);
  EXPECT_EQ(type_of(PixelType::kUint32, {1, 2}), PixelType::kUint64);
  EXPECT_EQ(type_of(PixelType::kUint64, {2, 2}), PixelType::kUint64);
}

TEST(Plan, SumsOfSignedKeepTheSign) {
  EXPECT_EQ(type_of(PixelType::kInt8, {1, 1}), PixelType::kInt8);
  EXPECT_EQ(type_of(PixelType::kInt8, {1, 256}), PixelType::kInt16);
  EXPECT_EQ(type_of(PixelType::kInt8, {1, 257}), PixelType::kInt32);
  EXPECT_EQ(type_of(PixelType::kInt8, {1, 16777217}), PixelType::kFloat64);
  EXPECT_EQ(type_of(PixelType::kInt16, {256, 256}), PixelType::kInt32);
  EXPECT_EQ(type_of(PixelType::kInt16, {1, 65537}), PixelType::kFloat64);
  EXPECT_EQ(type_of(PixelType::kInt32, {1, 1}), PixelType::kInt32);
  EXPECT_EQ(type_of(PixelType::kInt32, {1, 2}), PixelType::kFloat64);
}

TEST(Plan, MeansAndFloatsKeepTheirType) {
  for (const auto type : {PixelType::kUint8, PixelType::kInt16, PixelType::kInt32,
                          PixelType::kUint64, PixelType::kFloat32, PixelType::kFloat64}) {
    EXPECT_EQ(type_of(type, {3, 3}, BinMode::kMean), type);
  }
  EXPECT_EQ(type_of(PixelType::kFloat32, {3, 3}), PixelType::kFloat32);
  EXPECT_EQ(type_of(PixelType::kFloat64, {3, 3}), PixelType::kFloat64);
}

}  // namespace
}  // namespace framelog
