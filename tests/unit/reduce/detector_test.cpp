#include "reduce/detector.hpp"

#include <cstdlib>
#include <fstream>
#include <numeric>

#include "reduce/statistics.hpp"
#include "reduction_fixture.hpp"

namespace framelog {
namespace {

using testing::bytes_of;
using testing::spec_of;

ReductionPlan plan_of(const FrameShape& source, const ReductionSpec& spec = {}) {
  return make_plan(source, spec, {}).value();
}

std::string error_of(const DetectorSpec& detector, const ReductionSpec& spec = {}) {
  const auto made =
      DetectorSet::make(plan_of({8, 10, PixelType::kUint8}, spec), std::span(&detector, 1));
  if (made) return "no error";
  EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
  return describe(made.error());
}

std::vector<double> sums_of(const DetectorSet& set, const std::vector<std::byte>& frame) {
  std::vector<double> sums(set.size(), -1.0);
  set.sum(frame, sums);
  return sums;
}

/// Sums of a 5 x 5 frame of 1, 2, 4, ... in its middle row and column.
std::vector<double> sums_of_cross(const std::vector<DetectorSpec>& detectors) {
  const auto set = DetectorSet::make(plan_of({5, 5, PixelType::kUint16}), detectors);
  EXPECT_TRUE(set.has_value()) << (set ? "" : describe(set.error()));
  std::vector<std::uint16_t> pixels(25);
  for (std::size_t i = 0; i < 5; ++i) {
    pixels[2 * 5 + i] = static_cast<std::uint16_t>(1U << i);
    if (i != 2) pixels[i * 5 + 2] = static_cast<std::uint16_t>(32U << i);
  }
  return sums_of(*set, bytes_of(pixels));
}

TEST(DetectorSet, BoundsAreHalfOpen) {
  // Distances from the centre: 0, 1 and 2 along the cross.
  EXPECT_EQ(sums_of_cross({{"bf", Disc{2, 2, 1}}}), (std::vector<double>{4}));
  EXPECT_EQ(sums_of_cross({{"bf", Disc{2, 2, 1.01}}}), (std::vector<double>{2 + 4 + 8 + 64 + 256}));
  EXPECT_EQ(sums_of_cross({{"df", Annulus{2, 2, 1, 2}}}), (std::vector<double>{2 + 8 + 64 + 256}));
  EXPECT_EQ(sums_of_cross({{"r", Rectangle{{2, 3, 1, 4}}}}), (std::vector<double>{2 + 4 + 8}));
}

TEST(DetectorSet, OverlappingDetectorsEachGetAllOfTheirPixels) {
  EXPECT_EQ(sums_of_cross({{"row", Rectangle{{2, 3, 0, 5}}},
                           {"column", Rectangle{{0, 5, 2, 3}}},
                           {"all", Rectangle{{0, 5, 0, 5}}},
                           {"again", Rectangle{{2, 3, 0, 5}}}}),
            (std::vector<double>{31, 32 + 64 + 4 + 256 + 512, 31 + 32 + 64 + 256 + 512, 31}));
}

TEST(DetectorSet, BinsBelongWhereTheirCentresLie) {
  // Centres of the bins: 0.5, 2.5, 4.5, 6.5.
  const auto plan = plan_of({2, 8, PixelType::kUint8}, spec_of({}, {2, 2}));
  const std::vector<DetectorSpec> detectors{{"disc", Disc{0.5, 2.5, 2}},
                                            {"far", Disc{0.5, 2.5, 2.5}},
                                            {"half", Rectangle{{0, 2, 1, 5}}},
                                            {"mask", Mask{2,
                                                          8,
                                                          {1, 1, 1, 1, 1, 1, 0, 0,  //
                                                           1, 0, 0, 0, 1, 1, 0, 0}}}};
  const auto set = DetectorSet::make(plan, detectors);
  ASSERT_TRUE(set) << describe(set.error());
  EXPECT_EQ(set->size(), 4U);
  EXPECT_EQ(set->pixels(0), 1U);
  EXPECT_EQ(set->pixels(1), 3U);
  EXPECT_EQ(set->pixels(2), 2U);
  EXPECT_EQ(set->pixels(3), 2U);  // Three and four of four pixels, not two.
  EXPECT_EQ(sums_of(*set, bytes_of(std::vector<std::uint16_t>{1, 10, 100, 1000})),
            (std::vector<double>{10, 111, 11, 101}));
}

TEST(DetectorSet, KnowsWhereTheRegionLies) {
  const auto plan = plan_of({8, 10, PixelType::kUint8}, spec_of(RegionSpec{2, 4, 3, 6}));
  const std::vector<DetectorSpec> detectors{{"one", Rectangle{{3, 4, 0, 5}}}};
  const auto set = DetectorSet::make(plan, detectors);
  ASSERT_TRUE(set);
  EXPECT_EQ(sums_of(*set, bytes_of(std::vector<std::uint8_t>{1, 2, 4, 8, 16, 32})),
            (std::vector<double>{8 + 16}));
}

TEST(DetectorSet, SumsOfIntegersAreRoundedOnce) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const auto plan = plan_of({1, 3, PixelType::kUint64});
  const std::vector<DetectorSpec> detectors{{"all", Rectangle{{0, 1, 0, 3}}}};
  const auto set = DetectorSet::make(plan, detectors);
  ASSERT_TRUE(set);
  EXPECT_EQ(sums_of(*set, bytes_of(std::vector<std::uint64_t>{most, most, 2})),
            (std::vector{0x1p65}));
}

TEST(DetectorSet, SkipsNan) {
  const auto plan = plan_of({1, 40, PixelType::kFloat32});
  const std::vector<DetectorSpec> detectors{{"all", Rectangle{{0, 1, 0, 40}}},
                                            {"nan", Rectangle{{0, 1, 3, 20}}}};
  const auto set = DetectorSet::make(plan, detectors);
  ASSERT_TRUE(set);
  std::vector<float> pixels(40, 1.5F);
  for (std::size_t i = 3; i < 20; ++i) pixels[i] = NAN;
  EXPECT_EQ(sums_of(*set, bytes_of(pixels)), (std::vector{23 * 1.5, 0.0}));
}

TEST(DetectorSet, OfNoDetectorsSumsNothing) {
  const DetectorSet set;
  EXPECT_EQ(set.size(), 0U);
  EXPECT_TRUE(sums_of(set, {}).empty());
}

TEST(DetectorSet, WrongAreasSayWhatIsAllowed) {
  EXPECT_EQ(error_of({"bf", Disc{1, 1, 0}}),
            "detector bf: a radius of 0 is not possible: it must be a finite number above 0");
  EXPECT_EQ(error_of({"bf", Disc{1, NAN, 1}}),
            "detector bf: the centre must be two finite numbers");
  EXPECT_EQ(error_of({"df", Annulus{1, 1, 3, 2}}),
            "detector df: radii from 3 to 2 are not possible: 0 <= inner < outer, both finite");
  EXPECT_EQ(error_of({"df", Annulus{1, 1, -1, 2}}),
            "detector df: radii from -1 to 2 are not possible: 0 <= inner < outer, both finite");
  EXPECT_EQ(error_of({"df", Annulus{1, 1, 1, INFINITY}}),
            "detector df: radii from 1 to inf are not possible: 0 <= inner < outer, both finite");
  EXPECT_EQ(error_of({"r", Rectangle{{0, 9, 0, 1}}}),
            "detector r: y=0:9, x=0:1 is empty or reaches outside the frame (y=0:8, x=0:10)");
  EXPECT_EQ(error_of({"m", Mask{1, 2, {1, 1}}}),
            "detector m: the mask is 1 x 2 with 2 values: the frames are 8 x 10");
  EXPECT_EQ(error_of({"bf", Disc{100, 1, 5}}),
            "detector bf: covers no pixel of the product (y=0:8, x=0:10, 8 x 10)");
  EXPECT_EQ(error_of({"m", Mask{8, 10, std::vector<std::uint8_t>(80)}}),
            "detector m: covers no pixel of the product (y=0:8, x=0:10, 8 x 10)");
}

DetectorSpec random_detector(std::mt19937_64& random, const FrameShape& shape) {
  const auto coordinate = [&](std::uint32_t size) {
    return static_cast<double>(random() % (4 * size)) / 4;
  };
  const double inner = static_cast<double>(random() % 60) / 4;
  switch (random() % 4) {
    case 0:
      return {"disc", Disc{coordinate(shape.height_px), coordinate(shape.width_px), inner + 0.75}};
    case 1:
      return {"annulus", Annulus{coordinate(shape.height_px), coordinate(shape.width_px), inner,
                                 inner + 1 + static_cast<double>(random() % 90) / 4}};
    case 2: {
      Region region;
      region.y_start = static_cast<std::uint32_t>(random() % shape.height_px);
      region.x_start = static_cast<std::uint32_t>(random() % shape.width_px);
      region.y_stop = region.y_start + 1 +
                      static_cast<std::uint32_t>(random() % (shape.height_px - region.y_start));
      region.x_stop = region.x_start + 1 +
                      static_cast<std::uint32_t>(random() % (shape.width_px - region.x_start));
      return {"rectangle", Rectangle{region}};
    }
    default:
      break;
  }
  Mask mask{shape.height_px, shape.width_px, {}};
  for (std::size_t i = 0; i < std::size_t{shape.height_px} * shape.width_px; ++i) {
    mask.values.push_back(random() % 2 == 0 ? 0 : 3);
  }
  return {"mask", mask};
}

bool within(double y, double x, const Annulus& ring) {
  const double squared =
      (y - ring.center_y) * (y - ring.center_y) + (x - ring.center_x) * (x - ring.center_x);
  return squared >= ring.inner * ring.inner && squared < ring.outer * ring.outer;
}

bool belongs(const DetectorSpec& detector, std::uint32_t y, std::uint32_t x) {
  if (const auto* disc = std::get_if<Disc>(&detector.area)) {
    return within(y, x, {disc->center_y, disc->center_x, 0, disc->outer});
  }
  if (const auto* ring = std::get_if<Annulus>(&detector.area)) return within(y, x, *ring);
  if (const auto* rectangle = std::get_if<Rectangle>(&detector.area)) {
    const Region& region = rectangle->region;
    return y >= region.y_start && y < region.y_stop && x >= region.x_start && x < region.x_stop;
  }
  const auto& mask = std::get<Mask>(detector.area);
  return mask.values[std::size_t{y} * mask.width_px + x] != 0;
}

/// Exact integers, and floats added up one by one.
template <class Pixel>
double reference_sum(const DetectorSpec& detector, const FrameShape& shape,
                     const std::vector<Pixel>& pixels) {
  std::conditional_t<std::is_floating_point_v<Pixel>, double, Int128> sum{};
  for (std::uint32_t y = 0; y < shape.height_px; ++y) {
    for (std::uint32_t x = 0; x < shape.width_px; ++x) {
      const Pixel pixel = pixels[std::size_t{y} * shape.width_px + x];
      if (belongs(detector, y, x) && pixel == pixel) sum += static_cast<decltype(sum)>(pixel);
    }
  }
  return static_cast<double>(sum);
}

template <class Pixel>
Pixel random_pixel(std::mt19937_64& random) {
  if constexpr (std::is_floating_point_v<Pixel>) {
    return random() % 11 == 0
               ? static_cast<Pixel>(NAN)
               : static_cast<Pixel>(std::uniform_real_distribution(0.0, 1e3)(random));
  } else {
    return random() % 7 == 0 ? std::numeric_limits<Pixel>::max() : static_cast<Pixel>(random());
  }
}

template <class Pixel>
void compare_with_reference() {
  std::mt19937_64 random(77 + sizeof(Pixel));
  for (int scene = 0; scene < 60; ++scene) {
    const FrameShape shape{static_cast<std::uint32_t>(1 + random() % 60),
                           static_cast<std::uint32_t>(1 + random() % 130),
                           testing::pixel_type<Pixel>()};
    std::vector<DetectorSpec> detectors;
    std::vector<double> expected;
    std::vector<Pixel> pixels(std::size_t{shape.height_px} * shape.width_px);
    for (Pixel& pixel : pixels) pixel = random_pixel<Pixel>(random);
    for (std::size_t i = 0; i < 1 + random() % 40; ++i) {
      const DetectorSpec detector = random_detector(random, shape);
      if (!DetectorSet::make(plan_of(shape), std::span(&detector, 1))) continue;  // Of no pixel.
      detectors.push_back(detector);
      expected.push_back(reference_sum(detector, shape, pixels));
    }
    const auto set = DetectorSet::make(plan_of(shape), detectors);
    ASSERT_TRUE(set);
    const auto sums = sums_of(*set, bytes_of(pixels));
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if constexpr (std::is_floating_point_v<Pixel>) {
        EXPECT_NEAR(sums[i], expected[i], expected[i] * 1e-12) << detectors[i].name;
      } else {
        EXPECT_EQ(sums[i], expected[i]) << name_of(shape.type) << " " << detectors[i].name;
      }
    }
  }
}

TEST(DetectorSet, AgreesWithTheReference) {
  compare_with_reference<std::uint8_t>();
  compare_with_reference<std::int8_t>();
  compare_with_reference<std::uint16_t>();
  compare_with_reference<std::int16_t>();
  compare_with_reference<std::uint32_t>();
  compare_with_reference<std::int32_t>();
  compare_with_reference<std::uint64_t>();
  compare_with_reference<float>();
  compare_with_reference<double>();
}

/// Real counts: an image of a Siemens star, as bright and dark field see it.
TEST(DetectorSet, SplitsRealDiffractionPatternsWithoutLosingACount) {
  const char* const folder = std::getenv("FRAMELOG_TEST_DATA");
  const std::string name = "/diffraction/siemens_star_128x128x128_u16.npy";
  std::ifstream file(std::string(folder != nullptr ? folder : "") + name, std::ios::binary);
  if (!file) GTEST_SKIP() << "FRAMELOG_TEST_DATA has no " << name;
  const FrameShape shape{128, 128, PixelType::kUint16};
  std::vector<std::uint16_t> pixels(std::size_t{128} * 128);
  file.seekg(-128 * static_cast<std::streamoff>(size_bytes(shape)), std::ios::end);
  const std::vector<DetectorSpec> detectors{{"bf", Disc{63.5, 63.5, 16}},
                                            {"df", Annulus{63.5, 63.5, 16, 40}},
                                            {"rest", Annulus{63.5, 63.5, 40, 200}}};
  const auto set = DetectorSet::make(plan_of(shape), detectors).value();
  EXPECT_EQ(set.pixels(0) + set.pixels(1) + set.pixels(2), pixels.size());
  double counts = 0;
  while (file.read(reinterpret_cast<char*>(pixels.data()),
                   static_cast<std::streamsize>(size_bytes(shape)))) {
    const auto sums = sums_of(set, bytes_of(pixels));
    const double total = std::accumulate(pixels.begin(), pixels.end(), 0.0);
    EXPECT_EQ(sums[0] + sums[1] + sums[2], total);
    EXPECT_EQ(sums[0], reference_sum(detectors[0], shape, pixels));
    counts += total;
  }
  EXPECT_GT(counts, 0.0);
}

}  // namespace
}  // namespace framelog
