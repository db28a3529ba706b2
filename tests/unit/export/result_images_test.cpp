#include "export/result_images.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "export/result_frames.hpp"
#include "memory_recording.hpp"

namespace framelog {
namespace {

using Kind = ViewRequest::Kind;
using Mode = ViewRequest::Mode;

std::vector<DerivedImage> derive(MemoryRecording& recording, const ViewRequest& view,
                                 const TransformRequest& request = {}) {
  auto result = open_result(recording, request);
  EXPECT_TRUE(result) << describe(result.error());
  auto images = derive_images(recording, **result, view);
  EXPECT_TRUE(images) << describe(images.error());
  return images ? std::move(*images) : std::vector<DerivedImage>{};
}

std::string refusal(MemoryRecording& recording, const ViewRequest& view,
                    const TransformRequest& request = {}) {
  auto result = open_result(recording, request);
  auto images = derive_images(recording, **result, view);
  return images ? "accepted" : describe(images.error());
}

TEST(ResultImagesTest, ProjectionsAreThoseOfPlainLoops) {
  for (const PixelType type : {PixelType::kUint8, PixelType::kInt16, PixelType::kFloat64}) {
    MemoryRecording recording({4, 5, type}, 7, 11);
    for (const Mode mode : {Mode::kMax, Mode::kMin, Mode::kMean, Mode::kStd, Mode::kSum}) {
      ViewRequest view;
      view.kind = Kind::kProjection;
      view.mode = mode;
      const auto images = derive(recording, view);
      ASSERT_EQ(images.size(), 1U);
      const auto values = numbers_of(images[0].shape.type, images[0].pixels);
      ASSERT_EQ(values.size(), 20U);
      for (std::size_t i = 0; i < 20; ++i) {
        double most = -1;
        double least = 1e9;
        double sum = 0;
        double squares = 0;
        for (const auto& frame : recording.values()) {
          most = std::max(most, frame[i]);
          least = std::min(least, frame[i]);
          sum += frame[i];
          squares += frame[i] * frame[i];
        }
        const double mean = sum / 7;
        const double expected[] = {most, least, mean, std::sqrt(squares / 7 - mean * mean), sum};
        const double tolerance = mode == Mode::kStd ? 1e-9 : 0;
        EXPECT_NEAR(values[i], expected[static_cast<std::size_t>(mode)], tolerance);
      }
    }
  }
}

TEST(ResultImagesTest, ExtremesOfWholeNumbersAreExact) {
  constexpr std::uint64_t kLarge = std::uint64_t{1} << 60U;
  PixelMoments moments({1, 2, PixelType::kUint64});
  for (const std::array<std::uint64_t, 2> frame :
       {std::array{kLarge, kLarge + 1}, {kLarge + 1, kLarge}, {kLarge, ~std::uint64_t{0}}}) {
    const std::array<double, 2> values{static_cast<double>(frame[0]),
                                       static_cast<double>(frame[1])};
    moments.add(std::as_bytes(std::span(frame)), values);
  }
  const std::array<std::uint64_t, 2> most{kLarge + 1, ~std::uint64_t{0}};
  const std::array<std::uint64_t, 2> least{kLarge, kLarge};
  EXPECT_TRUE(std::ranges::equal(moments.max(), std::as_bytes(std::span(most))));
  EXPECT_TRUE(std::ranges::equal(moments.min(), std::as_bytes(std::span(least))));
}

TEST(ResultImagesTest, KymographsAreLinesBelowEachOther) {
  MemoryRecording recording({4, 5, PixelType::kUint16}, 7, 11);
  ViewRequest view;
  view.kind = Kind::kKymograph;
  view.line = 1;
  view.line_width = 2;
  auto images = derive(recording, view);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].shape, (FrameShape{7, 5, PixelType::kFloat64}));
  auto values = numbers_of(PixelType::kFloat64, images[0].pixels);
  for (std::size_t i = 0; i < 35; ++i) {
    const auto& frame = recording.values()[i / 5];
    EXPECT_EQ(values[i], (frame[5 + i % 5] + frame[10 + i % 5]) / 2);
  }
  view.across = Axis::kX;
  view.line = 4;
  view.line_width = 1;
  images = derive(recording, view);
  values = numbers_of(PixelType::kFloat64, images[0].pixels);
  for (std::size_t i = 0; i < 28; ++i) {
    EXPECT_EQ(values[i], recording.values()[i / 4][i % 4 * 5 + 4]);
  }
  view.line = 5;
  EXPECT_NE(refusal(recording, view).find("within 0 to 5"), std::string::npos);
}

class ScanImagesTest : public testing::Test {
 protected:
  ScanImagesTest() : recording_({8, 8, PixelType::kUint16}, 12, 5) {
    RecordingFacts& facts = recording_.change();
    facts.scan = Scan{3, 4, 0, 0};
    facts.detectors = {{"BF", Disc{3.5, 3.5, 2}},
                       {"DF", Annulus{3.5, 3.5, 2, 4}},
                       {"box", Rectangle{{1, 3, 2, 8}}}};
    facts.series = {"mask"};
    view_.kind = Kind::kImages;
  }
  MemoryRecording recording_;
  ViewRequest view_;
};

TEST_F(ScanImagesTest, NamesTellTheAngles) {
  EXPECT_EQ(list_images(recording_, view_),
            (std::vector<std::string>{"BF_0-2px", "DF_2-4px", "box", "mask", "sum", "mean",
                                      "pattern_SY_SX"}));
  recording_.change().pixel_size = {Length{0.5, "mrad"}, Length{0.5, "mrad"}};
  EXPECT_EQ(list_images(recording_, view_)[1], "DF_1-2mrad");
}

TEST_F(ScanImagesTest, ImagesAreSumsOverDetectors) {
  const auto images = derive(recording_, view_);
  ASSERT_EQ(images.size(), 6U);
  for (std::size_t which = 0; which < 3; ++which) {
    EXPECT_EQ(images[which].shape, (FrameShape{3, 4, PixelType::kFloat64}));
    const auto values = numbers_of(PixelType::kFloat64, images[which].pixels);
    for (std::size_t point = 0; point < 12; ++point) {
      double sum = 0;
      for (std::size_t y = 0; y < 8; ++y) {
        for (std::size_t x = 0; x < 8; ++x) {
          const double radius =
              std::hypot(static_cast<double>(y) - 3.5, static_cast<double>(x) - 3.5);
          const bool within = which == 0   ? radius < 2
                              : which == 1 ? radius >= 2 && radius < 4
                                           : y >= 1 && y < 3 && x >= 2;
          if (within) sum += recording_.values()[point][y * 8 + x];
        }
      }
      EXPECT_EQ(values[point], sum) << which << ' ' << point;
    }
  }
  EXPECT_EQ(numbers_of(PixelType::kFloat64, images[3].pixels)[7], 7);
  EXPECT_EQ(images[4].name, "sum");
  EXPECT_EQ(images[4].shape, (FrameShape{8, 8, PixelType::kFloat64}));
}

TEST_F(ScanImagesTest, DetectorsFollowCutAndBin) {
  TransformRequest request;
  request.cutout = {{Axis::kScanX, 1, 3}, {Axis::kY, 0, 4}};
  request.bin = {2, 2};
  view_.images = {"box", "pattern_2_1"};
  recording_.change().detectors[2].area = Rectangle{{0, 2, 2, 8}};
  const auto images = derive(recording_, view_, request);
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].shape, (FrameShape{3, 2, PixelType::kFloat64}));
  const auto values = numbers_of(PixelType::kFloat64, images[0].pixels);
  for (std::size_t point = 0; point < 6; ++point) {
    const auto& frame = recording_.values()[point / 2 * 4 + 1 + point % 2];
    double sum = 0;
    for (std::size_t i = 0; i < 16; ++i) sum += i % 8 >= 2 ? frame[i] : 0;
    EXPECT_EQ(values[point], sum);
  }
  EXPECT_EQ(images[1].shape.height_px, 2U);
  EXPECT_EQ(images[1].shape.width_px, 4U);
  const auto& frame = recording_.values()[9];
  EXPECT_EQ(numbers_of(images[1].shape.type, images[1].pixels)[0],
            frame[0] + frame[1] + frame[8] + frame[9]);
}

TEST_F(ScanImagesTest, PointsWithoutAFrameAreMissing) {
  for (std::size_t i = 5; i < 12; ++i) recording_.notes()[i].info.source_sequence = i + 1;
  view_.images = {"BF"};
  const auto images = derive(recording_, view_);
  ASSERT_EQ(images[0].missing.size(), 12U);
  EXPECT_EQ(images[0].missing[5], 1);
  EXPECT_TRUE(std::isnan(numbers_of(PixelType::kFloat64, images[0].pixels)[5]));
  EXPECT_EQ(std::ranges::count(images[0].missing, 1), 1);
}

TEST_F(ScanImagesTest, PatternsWithoutAFrameAreMissing) {
  recording_.change().scan = Scan{2, 3, 0, 0};
  recording_.change().scans = 2;
  // The third point of the second scan has none.
  for (std::size_t i = 8; i < 12; ++i) recording_.notes()[i].info.source_sequence = i + 1;
  view_.images = {"pattern_0_2", "sum", "pattern_0_1"};
  TransformRequest request;
  for (const bool is_float : {false, true}) {
    if (is_float) request.dtype = PixelType::kFloat32;
    const auto images = derive(recording_, view_, request);
    ASSERT_EQ(images.size(), 5U);
    const auto values = [&](std::size_t i) {
      return numbers_of(images[i].shape.type, images[i].pixels);
    };
    EXPECT_EQ(images[1].name, "pattern_0_2_t0");
    EXPECT_EQ(values(1), recording_.values()[2]);
    EXPECT_TRUE(images[1].missing.empty());
    EXPECT_EQ(images[2].name, "pattern_0_2_t1");
    ASSERT_EQ(values(2).size(), 64U);
    EXPECT_EQ(std::ranges::count(images[2].missing, 1), 64);
    EXPECT_TRUE(is_float ? std::isnan(values(2)[63]) : values(2)[63] == 0);
    EXPECT_EQ(values(3), recording_.values()[1]);
    EXPECT_EQ(values(4), recording_.values()[7]);
  }
}

TEST_F(ScanImagesTest, PatternsOutsideOfThePartAreRefused) {
  TransformRequest request;
  request.cutout = {{Axis::kScanX, 1, 4}};
  request.subsample_sx = 2;
  view_.images = {"pattern_1_3"};
  EXPECT_EQ(derive(recording_, view_, request).front().name, "pattern_1_3");
  for (const char* outside : {"pattern_1_0", "pattern_1_2"}) {
    view_.images = {outside};
    EXPECT_NE(refusal(recording_, view_, request).find("not within the cutout"), std::string::npos);
  }
  recording_.change().scan_step = {Length{2, "nm"}, Length{0.3, "nm"}};
  EXPECT_NE(refusal(recording_, view_, request).find("not within the cutout"), std::string::npos);
  view_.images = {"pattern_1_3"};
  EXPECT_EQ(refusal(recording_, view_, request), "accepted");
}

TEST_F(ScanImagesTest, RefusesWhatIsNotThere) {
  view_.images = {"HAADF"};
  EXPECT_NE(refusal(recording_, view_).find("BF_0-2px"), std::string::npos);
  view_.images = {"pattern_3_0"};
  EXPECT_NE(refusal(recording_, view_).find("there is no"), std::string::npos);
  view_.images = {"BF"};
  TransformRequest flat;
  flat.flat = true;
  EXPECT_NE(refusal(recording_, view_, flat).find("no scan"), std::string::npos);
  view_.images = {"sum"};
  EXPECT_EQ(refusal(recording_, view_, flat), "accepted");
}

}  // namespace
}  // namespace framelog
