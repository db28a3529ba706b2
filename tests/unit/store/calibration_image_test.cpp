#include "store/calibration_image.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "segment_fixture.hpp"
#include "tests/unit/formats/recording.hpp"

namespace framelog {
namespace {

std::string head(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

template <class Pixel>
class CalibrationImageOf : public testing::Test {};
using PixelTypes = testing::Types<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                                  std::uint32_t, std::int32_t, std::uint64_t, float, double>;
TYPED_TEST_SUITE(CalibrationImageOf, PixelTypes);

TYPED_TEST(CalibrationImageOf, IsTheMeanOfItsFrames) {
  using Limits = std::numeric_limits<TypeParam>;
  const char kind = Limits::is_integer ? (Limits::is_signed ? 'i' : 'u') : 'f';
  const std::string descr = std::string("<") + kind + std::to_string(sizeof(TypeParam));
  std::mt19937 random(3);
  for (const std::size_t count : {1U, 3U, 8U}) {
    std::vector<TypeParam> pixels(count * 20);
    for (TypeParam& pixel : pixels) pixel = static_cast<TypeParam>(random());
    const ScratchDirectory scratch;
    const auto path = scratch.write(
        "a.npy", npy_of(head(descr, "(" + std::to_string(count) + ", 4, 5)"), bytes_of(pixels)));
    const auto image = read_calibration(system_files(), path.string());
    ASSERT_TRUE(image) << describe(image.error());
    EXPECT_EQ(image->height_px, 4U);
    EXPECT_EQ(image->width_px, 5U);
    EXPECT_EQ(image->frames, count);
    EXPECT_EQ(image->path, path);
    ASSERT_EQ(image->values.size(), 20U);
    for (std::size_t i = 0; i < 20; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < count; ++k) sum += static_cast<double>(pixels[k * 20 + i]);
      EXPECT_EQ(image->values[i], sum / static_cast<double>(count)) << descr << ' ' << i;
    }
  }
}

TEST(CalibrationImage, OneImageIsAFrame) {
  const ScratchDirectory scratch;
  const auto path = scratch.write(
      "a.npy", npy_of(head("<u2", "(2, 2)"), bytes_of(std::vector<std::uint16_t>{1, 2, 3, 4})));
  const auto image = read_calibration(system_files(), path.string());
  ASSERT_TRUE(image) << describe(image.error());
  EXPECT_EQ(image->values, (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(image->frames, 1U);
}

TEST(CalibrationImage, NaNStaysInItsPixelAlone) {
  const ScratchDirectory scratch;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto path = scratch.write(
      "a.npy", npy_of(head("<f8", "(2, 1, 2)"), bytes_of(std::vector<double>{nan, 1, 2, 3})));
  const auto image = read_calibration(system_files(), path.string());
  ASSERT_TRUE(image);
  EXPECT_TRUE(std::isnan(image->values[0]));
  EXPECT_EQ(image->values[1], 2.0);
}

class CalibrationFile : public SegmentTest {
 protected:
  std::filesystem::path recorded(const char* format) {
    auto recording = start(format, "dark", 0);
    record(recording, 3);
    return finish(recording);
  }
};

TEST_F(CalibrationFile, CanBeASegmentThatWasRecorded) {
  for (const char* format : {"hdf5", "raw"}) {
    const auto path = recorded(format);
    const auto image = read_calibration(files_, path.string());
    ASSERT_TRUE(image) << describe(image.error());
    EXPECT_EQ(image->frames, 3U);
    const auto value = [](std::uint64_t frame, std::size_t i) {
      const auto bytes = pixels_of(frame);
      return std::to_integer<int>(bytes[2 * i]) + 256 * std::to_integer<int>(bytes[2 * i + 1]);
    };
    for (std::size_t i = 0; i < 8 * 16; ++i) {
      const int sum = value(0, i) + value(1, i) + value(2, i);
      ASSERT_EQ(image->values[i], sum / 3.0) << format << ' ' << i;
    }
  }
}

TEST_F(CalibrationFile, ADatasetIsNamedBehindTwoColons) {
  const auto path = recorded("hdf5");
  const auto image = read_calibration(files_, path.string() + "::/entry/instrument/detector/data");
  ASSERT_TRUE(image) << describe(image.error());
  EXPECT_EQ(image->frames, 3U);
  EXPECT_EQ(image->path, path) << "without the dataset";
  const auto missing = read_calibration(files_, path.string() + "::/entry/nothing");
  ASSERT_FALSE(missing);
  EXPECT_NE(describe(missing.error()).find("/entry/nothing"), std::string::npos);
}

TEST_F(CalibrationFile, IsRefusedWithAFrameThatDoesNotFitItsChecksum) {
  for (const char* format : {"hdf5", "raw"}) {
    const auto path = recorded(format);
    flip_byte(path, place_of(path, 1));
    const auto image = read_calibration(files_, path.string());
    ASSERT_FALSE(image) << format;
    EXPECT_EQ(image.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(describe(image.error()).find("frame 1"), std::string::npos);
    EXPECT_NE(describe(image.error()).find(path.string()), std::string::npos);
  }
}

TEST(CalibrationImage, SaysWhichFileIsNone) {
  const ScratchDirectory scratch;
  const auto text = scratch.write("a.txt", std::string(1000, 'x'));
  for (const auto& path : {text, scratch.path(), scratch.path() / "none.npy"}) {
    const auto image = read_calibration(system_files(), path.string());
    ASSERT_FALSE(image);
    const std::string said = describe(image.error());
    EXPECT_NE(said.find(path.string()), std::string::npos) << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
  EXPECT_FALSE(read_calibration(system_files(), ""));
  EXPECT_FALSE(read_calibration(system_files(), "::"));
}

}  // namespace
}  // namespace framelog
