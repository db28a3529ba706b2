#include "reduce/plan.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "reduce/correction.hpp"
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

ReductionSpec accumulating(std::uint32_t frames, AccumulateMode mode = AccumulateMode::kSum,
                           Binning bin = {}) {
  ReductionSpec spec = spec_of({}, bin);
  spec.accumulate = frames;
  spec.accumulate_mode = mode;
  return spec;
}

PixelType combined_type(PixelType source, const ReductionSpec& spec) {
  const auto plan = make_plan({spec.bin.rows, spec.bin.columns, source}, spec, {});
  EXPECT_TRUE(plan.has_value());
  EXPECT_EQ(plan->combined.type, plan->output.type);
  return plan->combined.type;
}

TEST(Plan, SumsOfFramesGetTheSmallestTypeThatHoldsThem) {
  EXPECT_EQ(combined_type(PixelType::kUint8, accumulating(257)), PixelType::kUint16);
  EXPECT_EQ(combined_type(PixelType::kUint8, accumulating(258)), PixelType::kUint32);
  EXPECT_EQ(combined_type(PixelType::kUint16, accumulating(kMostAccumulated)), PixelType::kUint32);
  EXPECT_EQ(combined_type(PixelType::kUint16, accumulating(100, {}, {2, 2})), PixelType::kUint32);
  EXPECT_EQ(combined_type(PixelType::kUint16, accumulating(65535, {}, {2, 2})), PixelType::kUint64);
  EXPECT_EQ(combined_type(PixelType::kInt16, accumulating(kMostAccumulated)), PixelType::kInt32);
  EXPECT_EQ(combined_type(PixelType::kInt32, accumulating(2)), PixelType::kFloat64);
  EXPECT_EQ(combined_type(PixelType::kInt32, accumulating(2, {}, {2, 2})), PixelType::kFloat64);
  EXPECT_EQ(combined_type(PixelType::kFloat32, accumulating(9)), PixelType::kFloat32);
  EXPECT_EQ(combined_type(PixelType::kUint8, accumulating(9, AccumulateMode::kMean)),
            PixelType::kUint8);
  EXPECT_EQ(combined_type(PixelType::kUint8, accumulating(9, AccumulateMode::kMean, {2, 2})),
            PixelType::kUint16);
}

TEST(Plan, WhatChangesPixelsIsNoIdentity) {
  const auto is_identity = [](const ReductionSpec& spec) {
    return make_plan(shape(4, 4), spec, {}).value().identity;
  };
  ReductionSpec spec;
  spec.dtype = PixelType::kUint16;
  EXPECT_TRUE(is_identity(spec));
  spec.dtype = PixelType::kUint8;
  EXPECT_FALSE(is_identity(spec));
  EXPECT_FALSE(is_identity(accumulating(2, AccumulateMode::kMean)));
  spec = {};
  spec.renormalise = Renormalisation{0, 1, 0, 1};
  EXPECT_FALSE(is_identity(spec));
  spec = {};
  const CorrectionImage good{4, 4, std::vector<double>(16)};
  spec.correction = Correction::make(shape(4, 4), {}, {}, good).value();
  EXPECT_FALSE(is_identity(spec));
}

TEST(Plan, CorrectedPixelsAreWhatIsBinned) {
  const CorrectionImage dark{4, 4, std::vector<double>(16)};
  for (const auto& [source, corrected] : {std::pair{PixelType::kUint16, PixelType::kFloat32},
                                          std::pair{PixelType::kFloat32, PixelType::kFloat32},
                                          std::pair{PixelType::kInt32, PixelType::kFloat64},
                                          std::pair{PixelType::kUint64, PixelType::kFloat64}}) {
    ReductionSpec spec = spec_of({}, {2, 2});
    spec.correction = Correction::make(shape(4, 4, source), dark, {}, {}).value();
    const auto plan = make_plan(shape(4, 4, source), spec, {});
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->corrected, shape(4, 4, corrected));
    EXPECT_EQ(plan->output, shape(2, 2, corrected));
  }
  ReductionSpec spec = spec_of({}, {2, 2});
  spec.correction = Correction::make(shape(4, 4), {}, {}, dark).value();
  EXPECT_EQ(make_plan(shape(4, 4), spec, {})->output, shape(2, 2, PixelType::kUint32));
}

TEST(Plan, CorrectionOfAnotherShapeIsAnError) {
  const CorrectionImage image{2, 2, std::vector<double>(4, 1.0)};
  const CorrectionImage none{2, 2, std::vector<double>(4)};
  ReductionSpec spec;
  spec.correction = Correction::make(shape(2, 2), image, {}, {}).value();
  EXPECT_EQ(error_of(shape(2, 3), spec), "dark is of 2 x 2 uint16: the frames are 2 x 3 uint16");
  spec.correction = Correction::make(shape(2, 2), {}, image, {}).value();
  EXPECT_EQ(error_of(shape(2, 3), spec), "flat is of 2 x 2 uint16: the frames are 2 x 3 uint16");
  spec.correction = Correction::make(shape(2, 2), {}, {}, none).value();
  EXPECT_EQ(error_of(shape(2, 2, PixelType::kUint8), spec),
            "bad_pixels is of 2 x 2 uint16: the frames are 2 x 2 uint8");
}

TEST(Plan, WrongAccumulationOrRenormalisationIsAnError) {
  EXPECT_EQ(error_of(shape(4, 4), accumulating(0)),
            "accumulate 0 is not possible: 1 to 65535 frames");
  EXPECT_EQ(error_of(shape(4, 4), accumulating(65536)),
            "accumulate 65536 is not possible: 1 to 65535 frames");
  ReductionSpec spec;
  spec.renormalise = Renormalisation{1, 1, 0, 255};
  EXPECT_EQ(
      error_of(shape(4, 4), spec),
      "renormalise [1, 1] to [0, 255]: the range that it maps from is empty, its start must be "
      "below its end");
  const std::string not_finite = ": all bounds and their differences must be finite numbers";
  spec.renormalise = Renormalisation{0, std::nan(""), 0, 255};
  EXPECT_EQ(error_of(shape(4, 4), spec), "renormalise [0, nan] to [0, 255]" + not_finite);
  spec.renormalise = Renormalisation{0, 1, -1e308, 1e308};
  EXPECT_EQ(error_of(shape(4, 4), spec), "renormalise [0, 1] to [-1e+308, 1e+308]" + not_finite);
}

}  // namespace
}  // namespace framelog
