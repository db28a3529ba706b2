#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "export/picture.hpp"

namespace framelog {
namespace {

/// Slices that are there already.
class Stack final : public ResultFrames {
 public:
  Stack(FrameShape shape, std::vector<std::vector<std::byte>> slices) : slices_(std::move(slices)) {
    facts_.slice = shape;
    facts_.type = shape.type;
    facts_.slices = slices_.size();
  }
  [[nodiscard]] const ResultFacts& facts() const noexcept override { return facts_; }
  Result<bool> next(ResultSlice& slice) override {
    if (at_ == slices_.size()) return false;
    slice.pixels = slices_[at_];
    slice.missing = at_ == missing_at;
    ++at_;
    return true;
  }
  [[nodiscard]] ResultEnd end() const noexcept override { return {}; }
  void rewind() override {
    at_ = 0;
    ++rewinds;
  }
  int rewinds{};
  std::size_t missing_at{1000};

 private:
  ResultFacts facts_;
  std::vector<std::vector<std::byte>> slices_;
  std::size_t at_{};
};

template <class Pixel>
std::vector<std::byte> bytes_of(const std::vector<Pixel>& pixels) {
  const auto bytes = std::as_bytes(std::span(pixels));
  return {bytes.begin(), bytes.end()};
}

double numpy_percentile(std::vector<double> values, double percent) {
  std::ranges::sort(values);
  const double rank = percent / 100 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (rank - std::floor(rank)) * (values[above] - values[below]);
}

ContrastRequest percentiles(double low, double high) {
  ContrastRequest request;
  request.kind = ContrastRequest::Kind::kPercentile;
  request.low_percentile = low;
  request.high_percentile = high;
  return request;
}

template <class Pixel>
void compare_percentiles(PixelType type, double tolerance) {
  std::minstd_rand random(3);
  for (int round = 0; round < 20; ++round) {
    const FrameShape shape{3, 5 + static_cast<std::uint32_t>(random() % 40), type};
    std::vector<std::vector<std::byte>> slices;
    std::vector<double> all;
    for (int slice = 0; slice < 4; ++slice) {
      std::vector<Pixel> pixels(std::size_t{3} * shape.width_px);
      for (Pixel& pixel : pixels) {
        pixel = static_cast<Pixel>(static_cast<double>(random() % 100'000) / 700 - 20);
        all.push_back(static_cast<double>(pixel));
      }
      slices.push_back(bytes_of(pixels));
    }
    Stack stack(shape, std::move(slices));
    const auto limits = find_limits(stack, percentiles(1, 99));
    ASSERT_TRUE(limits.has_value());
    EXPECT_NEAR(limits->low, numpy_percentile(all, 1), tolerance);
    EXPECT_NEAR(limits->high, numpy_percentile(all, 99), tolerance);
    EXPECT_EQ(stack.rewinds, 2);
  }
}

TEST(PictureLimits, PercentilesOfShortIntegersAreNumpys) {
  compare_percentiles<std::int8_t>(PixelType::kInt8, 1e-9);
  compare_percentiles<std::int16_t>(PixelType::kInt16, 1e-9);
}

TEST(PictureLimits, PercentilesOfOthersAreWithinAStepOfTheHistogram) {
  // Values lie up to a step from where the histogram takes them, between two that are apart.
  compare_percentiles<float>(PixelType::kFloat32, 2 * 143.0 / 65536);
  compare_percentiles<std::int32_t>(PixelType::kInt32, 1 + 143.0 / 65536);
}

TEST(PictureLimits, ExtremesLeaveNanInfinitiesAndMissingSlicesOut) {
  const float nan = std::nanf("");
  const float infinity = std::numeric_limits<float>::infinity();
  Stack stack({1, 3, PixelType::kFloat32},
              {bytes_of<float>({nan, 2, infinity}), bytes_of<float>({-9, -9, 9}),
               bytes_of<float>({5, -infinity, -1})});
  stack.missing_at = 1;
  const auto limits = find_limits(stack, ContrastRequest{});
  ASSERT_TRUE(limits.has_value());
  EXPECT_EQ(limits->low, -1);
  EXPECT_EQ(limits->high, 5);
  EXPECT_EQ(stack.rewinds, 1);
}

TEST(PictureLimits, WithoutAFiniteValueTheyAreZeroAndOne) {
  const std::vector<std::byte> pixels = bytes_of<double>({std::nan(""), std::nan("")});
  for (const ContrastRequest& request : {ContrastRequest{}, percentiles(1, 99)}) {
    const auto limits = find_limits({1, 2, PixelType::kFloat64}, pixels, request);
    ASSERT_TRUE(limits.has_value());
    EXPECT_EQ(limits->low, 0);
    EXPECT_EQ(limits->high, 1);
  }
}

TEST(PictureLimits, GivenValuesAreTakenAndTheOtherIsFound) {
  const std::vector<std::byte> pixels = bytes_of<std::uint16_t>({7, 40, 12});
  const FrameShape shape{1, 3, PixelType::kUint16};
  ContrastRequest request;
  request.kind = ContrastRequest::Kind::kValues;
  request.zmax = 1000;
  auto limits = find_limits(shape, pixels, request);
  ASSERT_TRUE(limits.has_value());
  EXPECT_EQ(limits->low, 7);
  EXPECT_EQ(limits->high, 1000);
  request.zmax.reset();
  request.zmin = 40;
  limits = find_limits(shape, pixels, request);
  ASSERT_FALSE(limits.has_value());
  EXPECT_EQ(describe(limits.error()),
            "--contrast: black, 40, is not below white, 40 (the largest value)");
}

TEST(PictureLimits, NoneShowsWhatFitsAndRefusesTheRest) {
  ContrastRequest request;
  request.kind = ContrastRequest::Kind::kNone;
  const auto limits =
      find_limits({1, 2, PixelType::kUint8}, bytes_of<std::uint8_t>({3, 4}), request);
  ASSERT_TRUE(limits.has_value());
  EXPECT_EQ(limits->high, 255);
  const auto floats = find_limits({1, 1, PixelType::kFloat32}, bytes_of<float>({3}), request);
  ASSERT_FALSE(floats.has_value());
  EXPECT_EQ(floats.error().code, ErrorCode::kUnsupported);
}

TEST(PictureLimits, PercentilesOutOfOrderAreRefused) {
  const auto limits =
      find_limits({1, 2, PixelType::kUint8}, bytes_of<std::uint8_t>({3, 4}), percentiles(60, 40));
  ASSERT_FALSE(limits.has_value());
  EXPECT_EQ(limits.error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace framelog
