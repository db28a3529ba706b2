#include "reduce/correction.hpp"

#include "reference.hpp"

namespace framelog {
namespace {

using testing::bytes_of;
using testing::CorrectionImages;
using testing::Image;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

CorrectionImage image(std::uint32_t height, std::uint32_t width, std::vector<double> values) {
  return {height, width, std::move(values)};
}

std::string error_of(const FrameShape& source, const CorrectionImages& images) {
  const auto made = Correction::make(source, images.dark, images.flat, images.bad);
  if (made) return "no error";
  EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
  return describe(made.error());
}

/// Corrects a whole frame.
template <class Pixel, class Output>
std::vector<Output> correct(std::uint32_t height, std::uint32_t width,
                            const std::vector<Pixel>& pixels, const CorrectionImages& images) {
  const FrameShape source{height, width, testing::pixel_type<Pixel>()};
  const auto made = Correction::make(source, images.dark, images.flat, images.bad);
  EXPECT_TRUE(made.has_value()) << (made ? "" : describe(made.error()));
  if (!made) return {};
  EXPECT_EQ((*made)->source(), source);
  EXPECT_EQ((*made)->output_type(), testing::pixel_type<Output>());
  std::vector<Output> output(pixels.size());
  (*made)->apply(bytes_of(pixels), {0, height, 0, width},
                 std::as_writable_bytes(std::span(output)));
  return output;
}

TEST(Correction, SubtractsTheDark) {
  CorrectionImages images;
  images.dark = image(1, 3, {1, 2.5, 300});
  EXPECT_EQ((correct<std::uint8_t, float>(1, 3, {1, 2, 255}, images)),
            (std::vector<float>{0, -0.5F, -45}));
  EXPECT_EQ((correct<std::uint32_t, double>(1, 3, {1, 4294967295U, 0}, images)),
            (std::vector<double>{0, 4294967292.5, -300}));
}

TEST(Correction, DividesByTheFlatLessTheDark) {
  CorrectionImages images;
  images.dark = image(1, 2, {10, 10});
  images.flat = image(1, 2, {30, 15});
  EXPECT_EQ((correct<std::uint16_t, float>(1, 2, {20, 20}, images)), (std::vector<float>{0.5F, 2}));
  images.dark.reset();
  EXPECT_EQ((correct<std::uint16_t, float>(1, 2, {15, 60}, images)), (std::vector<float>{0.5F, 4}));
}

TEST(Correction, ReplacesBadPixelsByTheMedianOfTheirGoodNeighbours) {
  CorrectionImages images;
  images.bad = image(3, 3, {0, 0, 0, 0, 1, 0, 0, 0, 1});
  // Of 1 2 3 4 6 7 8 the median is 4; of 6 and 8, the good neighbours of the corner, 7.
  EXPECT_EQ((correct<std::uint8_t, std::uint8_t>(3, 3, {1, 2, 3, 4, 99, 6, 7, 8, 99}, images)),
            (std::vector<std::uint8_t>{1, 2, 3, 4, 4, 6, 7, 8, 7}));
}

TEST(Correction, RoundsMediansOfIntegersHalfAwayFromZero) {
  CorrectionImages images;
  images.bad = image(1, 3, {0, 1, 0});
  EXPECT_EQ((correct<std::int16_t, std::int16_t>(1, 3, {-1, 0, -2}, images))[1], -2);
  EXPECT_EQ((correct<std::int16_t, std::int16_t>(1, 3, {1, 0, 2}, images))[1], 2);
  EXPECT_EQ((correct<std::int16_t, std::int16_t>(1, 3, {-32768, 0, 32767}, images))[1], -1);
  EXPECT_EQ((correct<float, float>(1, 3, {1, 0, 2}, images))[1], 1.5F);
}

TEST(Correction, KeepsEveryBitOfUint64) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  CorrectionImages images;
  images.bad = image(1, 3, {0, 1, 0});
  EXPECT_EQ((correct<std::uint64_t, std::uint64_t>(1, 3, {most, 0, most - 3}, images)),
            (std::vector<std::uint64_t>{most, most - 1, most - 3}));
  EXPECT_EQ((correct<std::uint64_t, std::uint64_t>(1, 3, {most, 5, most}, images))[1], most);
}

TEST(Correction, LooksFurtherWhereAllNeighboursAreBad) {
  CorrectionImages images;
  images.bad = image(1, 7, {0, 1, 1, 1, 1, 1, 0});
  EXPECT_EQ((correct<std::uint8_t, std::uint8_t>(1, 7, {10, 0, 0, 0, 0, 0, 20}, images)),
            (std::vector<std::uint8_t>{10, 10, 10, 15, 20, 20, 20}));
}

TEST(Correction, TakesForBadWhatHasNoGainOrNoNumber) {
  CorrectionImages images;
  images.dark = image(1, 6, {1, kNan, 1, 1, 1, 1});
  images.flat = image(1, 6, {2, 2, 1, kInf, kNan, 3});
  const auto made = Correction::make({1, 6, PixelType::kUint8}, images.dark, images.flat, {});
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->bad_pixels(), 4U);
  const auto mask = (*made)->mask();
  EXPECT_EQ(std::vector<int>(mask.begin(), mask.end()), (std::vector<int>{0, 1, 1, 1, 1, 0}));
  EXPECT_TRUE((*made)->has_dark());
  EXPECT_TRUE((*made)->has_flat());
  EXPECT_EQ((correct<std::uint8_t, float>(1, 6, {3, 0, 0, 0, 0, 9}, images)),
            (std::vector<float>{2, 2, 2, 4, 4, 4}));
}

TEST(Correction, SkipsNeighboursThatAreNotNumbers) {
  CorrectionImages images;
  images.bad = image(1, 5, {0, 1, 0, 1, 0});
  const auto pixels = correct<float, float>(1, 5, {3, 0, NAN, 0, NAN}, images);
  EXPECT_EQ(pixels[1], 3.0F);
  EXPECT_TRUE(std::isnan(pixels[3]));
}

TEST(Correction, ImagesOfAnotherSizeAreErrors) {
  CorrectionImages images;
  images.dark = image(2, 2, {1, 1, 1, 1});
  EXPECT_EQ(error_of({2, 3, PixelType::kUint8}, images),
            "dark is 2 x 2 with 4 values: the frames are 2 x 3");
  images.dark = image(2, 3, {1, 1, 1, 1});
  EXPECT_EQ(error_of({2, 3, PixelType::kUint8}, images),
            "dark is 2 x 3 with 4 values: the frames are 2 x 3");
  images.dark.reset();
  images.flat = image(1, 1, {1});
  EXPECT_EQ(error_of({2, 3, PixelType::kUint8}, images),
            "flat is 1 x 1 with 1 values: the frames are 2 x 3");
  images.flat.reset();
  images.bad = image(3, 2, {0, 0, 0, 0, 0, 0});
  EXPECT_EQ(error_of({2, 3, PixelType::kUint8}, images),
            "bad_pixels is 3 x 2 with 6 values: the frames are 2 x 3");
}

TEST(Correction, WithoutAGoodPixelIsAnError) {
  CorrectionImages images;
  images.flat = image(1, 2, {0, 0});
  EXPECT_EQ(error_of({1, 2, PixelType::kUint8}, images),
            "flat leaves no good pixel: at least one is needed");
  images.flat.reset();
  images.dark = image(1, 2, {kNan, kInf});
  EXPECT_EQ(error_of({1, 2, PixelType::kUint8}, images),
            "dark leaves no good pixel: at least one is needed");
  images.dark.reset();
  images.bad = image(1, 2, {1, -1});
  EXPECT_EQ(error_of({1, 2, PixelType::kUint8}, images),
            "bad_pixels leaves no good pixel: at least one is needed");
}

/// More neighbours than a call has room for.
TEST(Correction, FillsAHoleOfHundredsOfPixels) {
  constexpr std::uint32_t kSize = 151;
  CorrectionImages images;
  images.bad = image(kSize, kSize, std::vector<double>(kSize * kSize, 1.0));
  std::vector<float> pixels(kSize * kSize, -1.0F);
  std::mt19937 random(7);
  for (std::uint32_t i = 0; i < kSize; ++i) {
    for (const std::uint32_t at : {i, i * kSize, i * kSize + kSize - 1, kSize * (kSize - 1) + i}) {
      images.bad->values[at] = 0;
      pixels[at] = static_cast<float>(random() % 1000) - 500.0F;
    }
  }
  const auto output = correct<float, float>(kSize, kSize, pixels, images);
  Image source(kSize, kSize);
  source.values.assign(pixels.begin(), pixels.end());
  const std::uint32_t middle = kSize / 2;
  for (const std::uint32_t x : {middle, middle + 1, middle - 40}) {
    EXPECT_EQ(output[middle * kSize + x], images.replacement(source, middle, x)) << x;
  }
}

template <class Pixel>
void compare_with_reference() {
  std::mt19937_64 random(sizeof(Pixel));
  for (int scene = 0; scene < 60; ++scene) {
    const auto height = static_cast<std::uint32_t>(1 + random() % 20);
    const auto width = static_cast<std::uint32_t>(1 + random() % 40);
    const std::size_t count = std::size_t{height} * width;
    const auto made_of = [&](auto value) {
      CorrectionImage made{height, width, std::vector<double>(count)};
      for (double& each : made.values) each = value();
      return std::optional(made);
    };
    CorrectionImages images;
    const unsigned bad_share = random() % 3 == 0 ? 2 : 20;
    if (random() % 2 == 0)
      images.dark = made_of([&] { return static_cast<double>(random() % 40) / 8; });
    if (random() % 2 == 0)
      images.flat = made_of([&] { return static_cast<double>(random() % 90) / 16; });
    if (random() % 2 == 0 || (!images.dark && !images.flat)) {
      images.bad = made_of([&] { return random() % bad_share == 0 ? 1.0 : 0.0; });
    }
    std::vector<Pixel> pixels(count);
    for (Pixel& pixel : pixels) {
      pixel = static_cast<Pixel>(random() % 200);
      if (std::is_floating_point_v<Pixel> && random() % 9 == 0) pixel = static_cast<Pixel>(kNan);
    }
    const FrameShape shape{height, width, testing::pixel_type<Pixel>()};
    const auto made = Correction::make(shape, images.dark, images.flat, images.bad);
    if (!made) continue;  // No good pixel.
    Image source(height, width);
    for (std::size_t i = 0; i < count; ++i) source.values[i] = static_cast<double>(pixels[i]);
    const Image expected = images.apply(source, (*made)->output_type());
    const auto y = static_cast<std::uint32_t>(random() % height);
    const auto x = static_cast<std::uint32_t>(random() % width);
    const Region region{y, height, x, width};
    std::vector<std::byte> output(std::size_t{region.height_px()} * region.width_px() *
                                  size_bytes((*made)->output_type()));
    (*made)->apply(bytes_of(pixels), region, output);
    const auto values = testing::values_of(output, (*made)->output_type());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double wanted = expected.at(y + i / region.width_px(), x + i % region.width_px());
      if (std::isnan(wanted) && std::isnan(values[i])) continue;
      ASSERT_EQ(values[i], wanted) << name_of(shape.type) << " scene " << scene << " pixel " << i;
    }
  }
}

TEST(Correction, AgreesWithTheReference) {
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

}  // namespace
}  // namespace framelog
