#include "reduce/conversion.hpp"

#include "reduction_fixture.hpp"

namespace framelog {
namespace {

using testing::bytes_of;

constexpr std::uint64_t kMost64 = std::numeric_limits<std::uint64_t>::max();

struct Outcome {
  std::vector<double> pixels;
  std::uint32_t clipped{};
};

/// Converts one row of frames.
template <class Pixel, class Output>
Outcome convert(const std::vector<Pixel>& pixels, std::optional<Renormalisation> map = {},
                Binning bin = {}) {
  ReductionSpec spec;
  spec.dtype = testing::pixel_type<Output>();
  spec.renormalise = map;
  spec.bin = bin;
  const auto reduced =
      testing::reduce<Pixel>(1, static_cast<std::uint32_t>(pixels.size()), pixels, spec);
  Outcome outcome{{}, reduced.statistics.clipped};
  for (const Output pixel : reduced.template pixels<Output>()) {
    outcome.pixels.push_back(static_cast<double>(pixel));
  }
  return outcome;
}

TEST(Conversion, OfIntegersSaturatesAndCounts) {
  const auto narrowed = convert<std::int32_t, std::uint8_t>({-1, 0, 255, 256, 2147483647});
  EXPECT_EQ(narrowed.pixels, (std::vector<double>{0, 0, 255, 255, 255}));
  EXPECT_EQ(narrowed.clipped, 3U);
  const auto widened = convert<std::int8_t, std::int16_t>({-128, 127});
  EXPECT_EQ(widened.pixels, (std::vector<double>{-128, 127}));
  EXPECT_EQ(widened.clipped, 0U);
  const auto unsigned64 = convert<std::int32_t, std::uint64_t>({-1, 2147483647});
  EXPECT_EQ(unsigned64.pixels, (std::vector<double>{0, 2147483647}));
  EXPECT_EQ(unsigned64.clipped, 1U);
}

TEST(Conversion, OfUint64IsExact) {
  const std::uint64_t exact = (std::uint64_t{1} << 32U) - 1;
  const auto narrowed = convert<std::uint64_t, std::uint32_t>({kMost64, exact, exact + 1, 7});
  EXPECT_EQ(narrowed.pixels, (std::vector<double>{4294967295, 4294967295, 4294967295, 7}));
  EXPECT_EQ(narrowed.clipped, 2U);
  // Rounded once: by way of float64 it would end on the other side of the middle.
  const std::uint64_t above_middle = (std::uint64_t{1} << 63U) + (std::uint64_t{1} << 39U) + 1;
  EXPECT_EQ((convert<std::uint64_t, float>({above_middle}).pixels),
            (std::vector<double>{0x1p63 + 0x1p40}));
}

TEST(Conversion, OfFloatsRoundsHalfAwayFromZero) {
  const auto rounded = convert<float, std::int8_t>(
      {0.5F, -0.5F, 1.5F, 2.4999F, -127.5F, -128.5F, 127.4999F, 127.5F, 0x1.fffffep-2F});
  EXPECT_EQ(rounded.pixels, (std::vector<double>{1, -1, 2, 2, -128, -128, 127, 127, 0}));
  EXPECT_EQ(rounded.clipped, 2U);
  const auto whole = convert<double, std::uint16_t>({0.49999999999999994, -0.4, -0.5, 65535.5});
  EXPECT_EQ(whole.pixels, (std::vector<double>{0, 0, 0, 65535}));
  EXPECT_EQ(whole.clipped, 2U);
}

TEST(Conversion, OfWhatIsNoIntegerIsCounted) {
  const auto clipped = convert<float, std::int16_t>({NAN, INFINITY, -INFINITY, 3});
  EXPECT_EQ(clipped.pixels, (std::vector<double>{0, 32767, -32768, 3}));
  EXPECT_EQ(clipped.clipped, 3U);
  const auto largest = convert<double, std::uint64_t>({0x1p64, 0x1.fffffffffffffp63, 1e300, -1.0});
  EXPECT_EQ(largest.pixels, (std::vector<double>{0x1p64, 0x1.fffffffffffffp63, 0x1p64, 0}));
  EXPECT_EQ(largest.clipped, 3U);
}

TEST(Conversion, ToFloatCountsWhatBecomesInfinite) {
  const auto outcome = convert<double, float>({1e300, INFINITY, 1.0, NAN});
  EXPECT_EQ(outcome.clipped, 1U);
  EXPECT_EQ(outcome.pixels[2], 1.0);
  EXPECT_TRUE(std::isnan(outcome.pixels[3]));
}

TEST(Conversion, RenormalisesLinearly) {
  const Renormalisation map{10, 20, 0, 255};
  const auto outcome = convert<std::uint16_t, std::uint8_t>({10, 20, 15, 9, 21, 11}, map);
  EXPECT_EQ(outcome.pixels, (std::vector<double>{0, 255, 128, 0, 255, 26}));
  EXPECT_EQ(outcome.clipped, 2U);
  const auto inverted = convert<std::uint8_t, float>({0, 4}, Renormalisation{0, 4, 1, -1});
  EXPECT_EQ(inverted.pixels, (std::vector<double>{1, -1}));
  const auto infinite = convert<double, double>({1e308, 1}, Renormalisation{0, 1, 0, 100});
  EXPECT_EQ(infinite.clipped, 1U);
}

TEST(Conversion, WithoutATypeKeepsTheCombinedOne) {
  ReductionSpec spec;
  spec.renormalise = Renormalisation{0, 1, 0, 2};
  const auto reduced = testing::reduce<std::uint8_t>(1, 3, {1, 100, 200}, spec);
  EXPECT_EQ(reduced.pixels<std::uint8_t>(), (std::vector<std::uint8_t>{2, 200, 255}));
  EXPECT_EQ(reduced.statistics.clipped, 1U);
  EXPECT_EQ(reduced.statistics.sum, 457.0);
}

TEST(Conversion, CountsSumsThatWereFullOnce) {
  const std::vector<std::uint64_t> pixels{kMost64, 1, 300, 1, 2, 3};
  EXPECT_EQ((convert<std::uint64_t, std::uint8_t>(pixels, {}, {1, 2}).clipped), 2U);
  EXPECT_EQ((convert<std::uint64_t, double>(pixels, {}, {1, 2}).clipped), 1U);
  EXPECT_EQ((convert<std::uint64_t, double>(pixels, Renormalisation{0, 1, 0, 1}, {1, 2}).clipped),
            1U);
  EXPECT_EQ(
      (convert<std::uint64_t, std::uint8_t>(pixels, Renormalisation{0, 1, 0, 1}, {1, 2}).clipped),
      2U);
}

TEST(Conversion, CountsBinsThatWereInfiniteOnce) {
  const std::vector<float> pixels{3e38F, 3e38F, 1, 2};
  EXPECT_EQ((convert<float, double>(pixels, {}, {1, 2}).clipped), 1U);
  EXPECT_EQ((convert<float, std::uint8_t>(pixels, {}, {1, 2}).clipped), 1U);
}

}  // namespace
}  // namespace framelog
