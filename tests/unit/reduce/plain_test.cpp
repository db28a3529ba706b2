// The plain loop against examples by hand and against exact arithmetic.

#include <cmath>
#include <cstdint>

#include "reduction_fixture.hpp"

namespace framelog {
namespace {

using testing::reduce;
using testing::Reduced;
using testing::spec_of;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

ReductionSpec sum(std::uint32_t rows, std::uint32_t columns) {
  return spec_of({}, {rows, columns}, BinMode::kSum);
}
ReductionSpec mean(std::uint32_t rows, std::uint32_t columns) {
  return spec_of({}, {rows, columns}, BinMode::kMean);
}

template <class Pixel>
void expect_pixels(const Reduced& reduced, const std::vector<Pixel>& expected) {
  EXPECT_EQ(reduced.pixels<Pixel>(), expected);
}

TEST(Plain, SumsTwoByTwoAndCutsOffTheIncompleteBins) {
  const auto reduced = reduce<std::uint16_t>(3, 5,
                                             {1, 2, 3, 4, 65535,          //
                                              5, 6, 65535, 65535, 65535,  //
                                              65535, 65535, 65535, 65535, 65535},
                                             sum(2, 2), 65535.0);
  expect_pixels<std::uint32_t>(reduced, {14, 131077});
  EXPECT_EQ(reduced.statistics.min, 14.0);
  EXPECT_EQ(reduced.statistics.max, 131077.0);
  EXPECT_EQ(reduced.statistics.sum, 131091.0);
  EXPECT_EQ(reduced.statistics.mean, 65545.5);
  EXPECT_EQ(reduced.statistics.std, 65531.5);
  EXPECT_EQ(reduced.statistics.saturated, 2U);  // Not those of the cut-off bins.
  EXPECT_EQ(reduced.statistics.clipped, 0U);
}

TEST(Plain, CropsToTheRegion) {
  const auto reduced = reduce<std::int8_t>(3, 4, {-128, 1, 2, 3, 4, -5, 6, 7, 8, 9, 10, 127},
                                           spec_of(RegionSpec{1, {}, 1, 3}), 9.0);
  expect_pixels<std::int8_t>(reduced, {-5, 6, 9, 10});
  EXPECT_EQ(reduced.statistics.sum, 20.0);
  EXPECT_EQ(reduced.statistics.mean, 5.0);
  EXPECT_EQ(reduced.statistics.std, std::sqrt((100.0 + 1 + 16 + 25) / 4));
  EXPECT_EQ(reduced.statistics.saturated, 2U);
}

TEST(Plain, MeansOfIntegersRoundHalfAwayFromZero) {
  expect_pixels<std::uint8_t>(
      reduce<std::uint8_t>(1, 8, {0, 1, 1, 2, 254, 255, 255, 255}, mean(1, 2)), {1, 2, 255, 255});
  expect_pixels<std::int16_t>(
      reduce<std::int16_t>(1, 8, {0, -1, -1, -2, 0, 1, -32768, -32768}, mean(1, 2)),
      {-1, -2, 1, -32768});
  expect_pixels<std::int32_t>(reduce<std::int32_t>(1, 6, {-1, -1, 0, -1, 0, 0}, mean(1, 3)),
                              {-1, 0});
}

TEST(Plain, SumsOfSignedExtremesDoNotWrap) {
  expect_pixels<std::int16_t>(reduce<std::int8_t>(1, 2, {-128, -128}, sum(1, 2)), {-256});
  expect_pixels<std::int32_t>(reduce<std::int16_t>(1, 2, {-32768, -32768}, sum(1, 2)), {-65536});
  const std::int32_t least = std::numeric_limits<std::int32_t>::min();
  const auto reduced = reduce<std::int32_t>(1, 2, {least, least}, sum(1, 2));
  expect_pixels<double>(reduced, {-4294967296.0});
  EXPECT_EQ(reduced.statistics.sum, -4294967296.0);
}

TEST(Plain, SumsOfUint64SaturateAndAreCounted) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const auto reduced =
      reduce<std::uint64_t>(1, 6, {most, 1, most - 1, 1, 5, 6}, sum(1, 2), 18446744073709551615.0);
  expect_pixels<std::uint64_t>(reduced, {most, most, 11});
  EXPECT_EQ(reduced.statistics.clipped, 1U);
  EXPECT_EQ(reduced.statistics.max, 18446744073709551615.0);
  EXPECT_EQ(reduced.statistics.saturated, 0U);  // 2^64 - 1 as a double is 2^64: none reaches it.
}

TEST(Plain, MeansOfUint64DoNotOverflow) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const auto reduced = reduce<std::uint64_t>(1, 4, {most, most, most, 0}, mean(1, 2));
  expect_pixels<std::uint64_t>(reduced, {most, std::uint64_t{1} << 63U});
  EXPECT_EQ(reduced.statistics.clipped, 0U);
}

TEST(Plain, SaturationOfUint64IsComparedExactly) {
  const std::uint64_t limit = (std::uint64_t{1} << 63U);
  EXPECT_EQ(
      reduce<std::uint64_t>(1, 3, {limit - 1, limit, limit + 1}, {}, 0x1p63).statistics.saturated,
      2U);
}

TEST(Plain, SaturationBetweenIntegersCountsFromTheNext) {
  const std::vector<std::uint8_t> pixels{0, 9, 10, 11};
  EXPECT_EQ(reduce(1, 4, pixels, {}, 9.5).statistics.saturated, 2U);
  EXPECT_EQ(reduce(1, 4, pixels, {}, 10.0).statistics.saturated, 2U);
  EXPECT_EQ(reduce(1, 4, pixels, {}, 0.0).statistics.saturated, 4U);
  EXPECT_EQ(reduce(1, 4, pixels, {}, -1e300).statistics.saturated, 4U);
  EXPECT_EQ(reduce(1, 4, pixels, {}, 1e300).statistics.saturated, 0U);
  EXPECT_EQ(reduce(1, 4, pixels, {}).statistics.saturated, 0U);
}

TEST(Plain, SaturatedFloatsCountInfinityButNotNan) {
  const std::vector<float> pixels{kNan, kInf, 1.5F, 1.4999F};
  EXPECT_EQ(reduce(1, 4, pixels, {}, 1.5).statistics.saturated, 2U);
  EXPECT_EQ(reduce(1, 4, pixels, {}).statistics.saturated, 0U);
}

TEST(Plain, FloatBinsSkipNan) {
  const auto summed = reduce<float>(2, 4, {1, kNan, kNan, kNan, 2, 4, kNan, kNan}, sum(2, 2));
  EXPECT_EQ(summed.pixels<float>()[0], 7.0F);
  EXPECT_TRUE(std::isnan(summed.pixels<float>()[1]));
  EXPECT_EQ(summed.statistics.min, 7.0);
  EXPECT_EQ(summed.statistics.sum, 7.0);
  EXPECT_EQ(summed.statistics.std, 0.0);
  const auto averaged = reduce<double>(1, 4, {1, std::nan(""), 2, 6}, mean(1, 4));
  expect_pixels<double>(averaged, {3.0});
}

TEST(Plain, FloatBinsAddInRowMajorOrderInFloat64) {
  // 1e16 + 1 + 1 loses both ones; in the order 1 + 1 + 1e16 they survive.
  expect_pixels<double>(reduce<double>(2, 2, {1e16, 1, 1, -1e16}, sum(2, 2)), {0.0});
  expect_pixels<double>(reduce<double>(2, 2, {1, 1, 1e16, -1e16}, sum(2, 2)), {2.0});
  expect_pixels<float>(reduce<float>(1, 3, {16777216.0F, 1, 1}, sum(1, 3)), {16777218.0F});
}

TEST(Plain, FloatSumsBeyondTheirTypeAreCountedAsClipped) {
  const float most = std::numeric_limits<float>::max();
  const auto reduced = reduce<float>(1, 6, {most, most, kInf, 1, 1, 2}, sum(1, 2));
  expect_pixels<float>(reduced, {kInf, kInf, 3});
  EXPECT_EQ(reduced.statistics.clipped, 1U);
}

TEST(Plain, CroppedFloatsAreCopiedBitForBit) {
  std::vector<std::uint32_t> bits{0x80000000U, 0x7F800001U, 0xFFC12345U, 0x00000001U};
  std::vector<float> pixels(4);
  std::memcpy(pixels.data(), bits.data(), 16);
  const auto reduced = reduce<float>(1, 4, pixels, spec_of(RegionSpec{{}, {}, 0, 3}));
  expect_pixels<std::uint32_t>(reduced, {0x80000000U, 0x7F800001U, 0xFFC12345U});
}

TEST(Plain, StatisticsOfNothingButNanAreNan) {
  const auto statistics = reduce<float>(2, 2, {kNan, kNan, kNan, kNan}, {}).statistics;
  EXPECT_TRUE(std::isnan(statistics.min));
  EXPECT_TRUE(std::isnan(statistics.max));
  EXPECT_TRUE(std::isnan(statistics.mean));
  EXPECT_TRUE(std::isnan(statistics.std));
  EXPECT_EQ(statistics.sum, 0.0);
}

TEST(Plain, InfinitePixelsMakeTheDeviationNan) {
  const auto statistics = reduce<float>(2, 2, {kInf, 1, 2, kNan}, {}).statistics;
  EXPECT_EQ(statistics.min, 1.0);
  EXPECT_EQ(statistics.max, kInf);
  EXPECT_EQ(statistics.sum, kInf);
  EXPECT_EQ(statistics.mean, kInf);
  EXPECT_TRUE(std::isnan(statistics.std));
}

TEST(Plain, ConstantFramesDeviateByExactlyNothing) {
  const auto ints = reduce(100, 99, std::vector<std::uint16_t>(9900, 65535), {}).statistics;
  EXPECT_EQ(ints.std, 0.0);
  EXPECT_EQ(ints.mean, 65535.0);
  const auto floats = reduce(100, 99, std::vector<float>(9900, 0.1F), {}).statistics;
  EXPECT_EQ(floats.std, 0.0);
  const auto doubles = reduce(100, 99, std::vector<double>(9900, 0.1), {}).statistics;
  EXPECT_EQ(doubles.std, 0.0);
  EXPECT_NEAR(doubles.mean, 0.1, 1e-15);
}

TEST(Plain, DeviationIsExactWhereTheMeanIsLarge) {
  // Two values one apart around 2^32: squares of the pixels would need 65 bits each.
  std::vector<std::uint32_t> pixels(1000, 0xFFFFFFFFU);
  for (std::size_t i = 0; i < pixels.size(); i += 2) --pixels[i];
  const auto statistics = reduce(10, 100, pixels, {}).statistics;
  EXPECT_EQ(statistics.std, 0.5);
  EXPECT_EQ(statistics.mean, 4294967294.5);
}

TEST(Plain, DeviationOfUint64NeedsMoreThan128Bits) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::vector<std::uint64_t> pixels(1000, most);
  for (std::size_t i = 0; i < pixels.size(); i += 2) pixels[i] = most - 6;
  EXPECT_EQ(reduce(10, 100, pixels, {}).statistics.std, 3.0);
  for (std::size_t i = 0; i < pixels.size(); i += 2) pixels[i] = 1;
  EXPECT_EQ(reduce(10, 100, pixels, {}).statistics.std, 0x1p63);
}

/// Moments about a mean that is exact for integers and nearly so for floats.
template <class Pixel>
FrameStatistics exact_statistics(const std::vector<Pixel>& pixels) {
  long double total = 0;
  std::size_t count = 0;
  FrameStatistics exact;
  exact.min = std::numeric_limits<double>::infinity();
  exact.max = -exact.min;
  for (const Pixel pixel : pixels) {
    const auto value = static_cast<double>(pixel);
    if (std::isnan(value)) continue;
    total += static_cast<long double>(pixel);
    ++count;
    exact.min = std::fmin(exact.min, value);
    exact.max = std::fmax(exact.max, value);
  }
  const long double average = total / static_cast<long double>(count);
  long double squares = 0;
  for (const Pixel pixel : pixels) {
    const auto deviation = static_cast<long double>(pixel) - average;
    if (!std::isnan(static_cast<double>(pixel))) squares += deviation * deviation;
  }
  exact.sum = static_cast<double>(total);
  exact.mean = static_cast<double>(average);
  exact.std = static_cast<double>(std::sqrt(squares / static_cast<long double>(count)));
  return exact;
}

template <class Pixel>
void expect_exact_statistics(const std::vector<Pixel>& pixels, std::uint32_t height) {
  const auto width = static_cast<std::uint32_t>(pixels.size() / height);
  const auto exact = exact_statistics(pixels);
  for (const KernelSet set : testing::sets_here()) {
    SCOPED_TRACE(name_of(set));
    const auto statistics = reduce(height, width, pixels, {}, {}, set).statistics;
    EXPECT_EQ(statistics.min, exact.min);
    EXPECT_EQ(statistics.max, exact.max);
    EXPECT_NEAR(statistics.sum, exact.sum, std::abs(exact.sum) * 1e-12);
    EXPECT_NEAR(statistics.mean, exact.mean, std::abs(exact.mean) * 1e-12);
    EXPECT_NEAR(statistics.std, exact.std, std::abs(exact.std) * 1e-12);
  }
}

template <class Pixel>
void expect_exact_for_random_integers() {
  std::mt19937_64 random(7);
  std::vector<Pixel> pixels(std::size_t{61} * 67);
  for (auto& pixel : pixels) pixel = static_cast<Pixel>(random());
  expect_exact_statistics(pixels, 61);
}

TEST(Statistics, OfIntegersMatchExactArithmetic) {
  expect_exact_for_random_integers<std::uint8_t>();
  expect_exact_for_random_integers<std::int8_t>();
  expect_exact_for_random_integers<std::uint16_t>();
  expect_exact_for_random_integers<std::int16_t>();
  expect_exact_for_random_integers<std::uint32_t>();
  expect_exact_for_random_integers<std::int32_t>();
  expect_exact_for_random_integers<std::uint64_t>();
}

template <class Pixel>
void expect_exact_for_hard_floats() {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> noise(-1.0, 1.0);
  // Offset, noise, one outlier at the start, a ramp down the rows.
  struct Shape {
    double offset, noise, outlier, ramp;
  };
  for (const auto& shape :
       {Shape{5, 1, 5, 0}, Shape{1e6, 0.5, 1e6, 0}, Shape{1, 1e-3, 1e15, 0},
        Shape{100, 1, 100, 1e4}, Shape{-3, 0, -3, 0}, Shape{1, 1e-6, -1e30, 1e-3}}) {
    SCOPED_TRACE(shape.outlier);
    std::vector<Pixel> pixels(std::size_t{97} * 101);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      pixels[i] = static_cast<Pixel>(shape.offset + shape.noise * noise(random) +
                                     shape.ramp * static_cast<double>(i / 101));
    }
    pixels[0] = static_cast<Pixel>(shape.outlier);
    expect_exact_statistics(pixels, 97);
    for (std::size_t i = 3; i < pixels.size(); i += 17) {
      pixels[i] = std::numeric_limits<Pixel>::quiet_NaN();
    }
    expect_exact_statistics(pixels, 97);
  }
}

TEST(Statistics, OfFloatsAreStable) {
  expect_exact_for_hard_floats<float>();
  expect_exact_for_hard_floats<double>();
}

TEST(Statistics, OfOneUlpInAFrameOfEquals) {
  std::vector<float> pixels(std::size_t{64} * 64, 1.0F);
  pixels.back() = std::nextafter(1.0F, 2.0F);
  for (const KernelSet set : testing::sets_here()) {
    const auto statistics = reduce(64, 64, pixels, {}, {}, set).statistics;
    const double exact = 0x1p-23 * std::sqrt(4095.0) / 4096.0;
    EXPECT_NEAR(statistics.std, exact, exact * 1e-12) << name_of(set);
  }
}

TEST(Statistics, AreNaNWithoutPixelsInEveryKernel) {
  const std::vector<float> pixels(std::size_t{20} * 33, kNan);
  for (const KernelSet set : testing::sets_here()) {
    const auto statistics = reduce(20, 33, pixels, mean(2, 2), 1.0, set).statistics;
    EXPECT_TRUE(std::isnan(statistics.min) && std::isnan(statistics.std)) << name_of(set);
    EXPECT_EQ(statistics.sum, 0.0) << name_of(set);
    EXPECT_EQ(statistics.saturated, 0U) << name_of(set);
  }
}

}  // namespace
}  // namespace framelog
