#include "drivers/patterns.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

namespace framelog {
namespace {

template <class T>
std::vector<T> rendered(const Pattern& pattern, std::uint64_t sequence) {
  std::vector<T> pixels(size_bytes(pattern.shape) / sizeof(T));
  render(pattern, sequence, std::as_writable_bytes(std::span(pixels)));
  return pixels;
}

template <class T>
constexpr PixelType kTypeOf = PixelType::kUint8;
template <>
constexpr PixelType kTypeOf<std::int8_t> = PixelType::kInt8;
template <>
constexpr PixelType kTypeOf<std::uint16_t> = PixelType::kUint16;
template <>
constexpr PixelType kTypeOf<std::int16_t> = PixelType::kInt16;
template <>
constexpr PixelType kTypeOf<std::uint32_t> = PixelType::kUint32;
template <>
constexpr PixelType kTypeOf<std::int32_t> = PixelType::kInt32;
template <>
constexpr PixelType kTypeOf<std::uint64_t> = PixelType::kUint64;
template <>
constexpr PixelType kTypeOf<float> = PixelType::kFloat32;
template <>
constexpr PixelType kTypeOf<double> = PixelType::kFloat64;

template <class T>
class EveryType : public testing::Test {};
using Types = testing::Types<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t,
                             std::int32_t, std::uint64_t, float, double>;
TYPED_TEST_SUITE(EveryType, Types);

TYPED_TEST(EveryType, RampFollowsItsFormula) {
  const FrameShape shape{37, 53, kTypeOf<TypeParam>};
  for (const std::uint64_t sequence : {0ULL, 1ULL, 36ULL, 9362ULL, 0xFFFFFFFFFFULL}) {
    const auto pixels = rendered<TypeParam>({PatternKind::kRamp, 5, shape}, sequence);
    for (std::uint64_t y = 0; y < 37; ++y) {
      for (std::uint64_t x = 0; x < 53; ++x) {
        const std::uint64_t value = sequence * 7 + y * 53 + x;
        const auto expected = std::is_floating_point_v<TypeParam>
                                  ? static_cast<TypeParam>(value % 65536)
                                  : static_cast<TypeParam>(value);
        ASSERT_EQ(pixels[y * 53 + x], expected) << sequence << ' ' << y << ' ' << x;
      }
    }
  }
}

TYPED_TEST(EveryType, EveryPatternFillsEveryShape) {
  for (const FrameShape& size : {FrameShape{1, 1, {}}, FrameShape{1, 4099, {}},
                                 FrameShape{4099, 1, {}}, FrameShape{3, 2, {}}}) {
    for (const PatternKind kind : {PatternKind::kRamp, PatternKind::kCounts, PatternKind::kSpot}) {
      const Pattern pattern{kind, 3, {size.height_px, size.width_px, kTypeOf<TypeParam>}};
      std::vector<std::byte> zeros(size_bytes(pattern.shape), std::byte{0});
      std::vector<std::byte> ones(size_bytes(pattern.shape), std::byte{0xFF});
      render(pattern, 123456789, zeros);
      render(pattern, 123456789, ones);
      EXPECT_EQ(zeros, ones) << name_of(kind);
    }
  }
}

TYPED_TEST(EveryType, SpotStandsOutOfItsBackgroundWithoutSaturating) {
  const Pattern pattern{PatternKind::kSpot, 1, {64, 80, kTypeOf<TypeParam>}};
  const auto pixels = rendered<TypeParam>(pattern, 17);
  const double scale = std::min(largest_value(pattern.shape.type), 65535.0);
  const auto [least, most] = std::ranges::minmax(pixels);
  EXPECT_EQ(least, static_cast<TypeParam>(scale / 32));
  EXPECT_GE(static_cast<double>(most), 0.7 * scale);
  EXPECT_LT(static_cast<double>(most), 0.8 * scale);
}

TEST(Patterns, AlignmentDoesNotMatter) {
  const Pattern pattern{PatternKind::kCounts, 1, {5, 7, PixelType::kFloat64}};
  std::vector<std::byte> aligned(size_bytes(pattern.shape));
  std::vector<std::byte> shifted(size_bytes(pattern.shape) + 1);
  render(pattern, 3, aligned);
  render(pattern, 3, std::span(shifted).subspan(1));
  EXPECT_TRUE(std::ranges::equal(aligned, std::span(shifted).subspan(1)));
}

TEST(Patterns, SameArgumentsGiveTheSameFrameAndOthersGiveAnother) {
  for (const PatternKind kind : {PatternKind::kCounts, PatternKind::kSpot}) {
    const Pattern one{kind, 1, {48, 48, PixelType::kUint16}};
    Pattern two = one;
    two.seed = 2;
    const auto frame = rendered<std::uint16_t>(one, 10);
    EXPECT_EQ(frame, rendered<std::uint16_t>(one, 10));
    EXPECT_NE(frame, rendered<std::uint16_t>(one, 11)) << name_of(kind);
    EXPECT_NE(frame, rendered<std::uint16_t>(two, 10)) << name_of(kind);
  }
}

// Mean and variance of a Poisson distribution are equal. The frames are fixed by their seed, so the
// bounds (5 standard errors) either hold for ever or do not.
TEST(Patterns, CountsArePoissonDistributed) {
  const Pattern pattern{PatternKind::kCounts, 7, {256, 256, PixelType::kUint8}};
  double n_dim = 0, sum_dim = 0, squares_dim = 0, n_disc = 0, sum_disc = 0, squares_disc = 0;
  for (std::uint64_t sequence = 0; sequence < 4; ++sequence) {
    const auto pixels = rendered<std::uint8_t>(pattern, sequence);
    for (int y = 0; y < 256; ++y) {
      for (int x = 0; x < 256; ++x) {
        const int r2 = (x - 128) * (x - 128) + (y - 128) * (y - 128);
        const double value = pixels[static_cast<std::size_t>(y * 256 + x)];
        const bool disc = r2 < 64 * 64;
        (disc ? n_disc : n_dim) += 1;
        (disc ? sum_disc : sum_dim) += value;
        (disc ? squares_disc : squares_dim) += value * value;
      }
    }
  }
  const double mean_dim = sum_dim / n_dim;
  const double mean_disc = sum_disc / n_disc;
  EXPECT_NEAR(mean_dim, 4.0, 0.025);
  EXPECT_NEAR(mean_disc, 32.0, 0.15);
  EXPECT_NEAR(squares_dim / n_dim - mean_dim * mean_dim, 4.0, 0.1);
  EXPECT_NEAR(squares_disc / n_disc - mean_disc * mean_disc, 32.0, 1.2);
}

TEST(Patterns, NamesGoBothWays) {
  for (const PatternKind kind : {PatternKind::kRamp, PatternKind::kCounts, PatternKind::kSpot}) {
    EXPECT_EQ(pattern_kind_of(name_of(kind)), kind);
  }
  EXPECT_FALSE(pattern_kind_of("stripes"));
}

}  // namespace
}  // namespace framelog
