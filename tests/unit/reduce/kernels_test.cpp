// Every set of kernels against the plain loop, over random frames, shapes and values.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "reduction_fixture.hpp"

namespace framelog {
namespace {

using testing::Reduced;
using testing::spec_of;

/// What the pixels of a random frame are like.
enum class Fill : std::uint8_t { kAny, kSmall, kAllMost, kAllZero, kSpecial };

struct Scene {
  ReductionPlan plan;
  std::vector<std::byte> source;
  std::size_t misalignment_bytes{};
};

template <class Number>
Number pick(std::mt19937_64& random, Number least, Number most) {
  return std::uniform_int_distribution<Number>(least, most)(random);
}

template <class Pixel>
Pixel special_float(std::mt19937_64& random, double ordinary) {
  using Limits = std::numeric_limits<Pixel>;
  switch (random() % 12) {
    case 0:
    case 1:
    case 2:
      return Limits::quiet_NaN();
    case 3:
      return random() % 8 == 0 ? Limits::infinity() : Pixel{0};
    case 4:
      return random() % 8 == 0 ? -Limits::infinity() : -Pixel{0};
    case 5:
      return random() % 8 == 0 ? Limits::max() : Limits::denorm_min();
    default:
      return static_cast<Pixel>(ordinary);
  }
}

template <class Pixel>
Pixel random_pixel(std::mt19937_64& random, Fill fill) {
  using Limits = std::numeric_limits<Pixel>;
  if (fill == Fill::kAllZero) return Pixel{0};
  if constexpr (std::is_floating_point_v<Pixel>) {
    if (fill == Fill::kAllMost) return Pixel{1e30F};
    const double ordinary =
        std::uniform_real_distribution<double>(fill == Fill::kSmall ? 0.0 : -50.0, 1000.0)(random);
    if (fill == Fill::kSpecial) return special_float<Pixel>(random, ordinary);
    return static_cast<Pixel>(ordinary);
  } else {
    if (fill == Fill::kAllMost) return Limits::max();
    if (fill == Fill::kSpecial) return random() % 2 == 0 ? Limits::min() : Limits::max();
    return static_cast<Pixel>(fill == Fill::kSmall ? random() % 7 : random());
  }
}

/// Rows or columns of a bin that fit `size`, mostly of the sizes that the kernels know.
std::uint32_t random_bin(std::mt19937_64& random, std::uint32_t size) {
  constexpr std::uint32_t kKnown[] = {1, 1, 2, 2, 3, 4, 5, 6, 8, 16};
  const std::uint32_t bin =
      random() % 4 != 0 ? kKnown[random() % std::size(kKnown)] : pick(random, 1U, size);
  return std::min(bin, size);
}

std::optional<double> random_saturation(std::mt19937_64& random, PixelType type) {
  switch (random() % 6) {
    case 0:
      return std::nullopt;
    case 1:
      return is_float(type) ? 500.0 : largest_value(type);
    case 2:
      return 3.0;
    case 3:
      return pick(random, -2, 2) + 0.25;
    default:
      return (is_float(type) ? 900.0 : largest_value(type)) * 0.6;
  }
}

template <class Pixel>
Scene random_scene(std::mt19937_64& random) {
  const bool wide = random() % 16 == 0;  // Past the first flush of the narrow vector sums.
  const auto height = wide ? pick(random, 1U, 6U) : pick(random, 1U, 40U);
  const auto width = wide ? pick(random, 3000U, 9000U) : pick(random, 1U, 150U);
  RegionSpec roi;
  if (random() % 2 == 0) {
    roi.y_start = pick(random, 0U, height - 1);
    roi.y_stop = pick(random, *roi.y_start + 1, height);
    roi.x_start = pick(random, 0U, width - 1);
    roi.x_stop = pick(random, *roi.x_start + 1, width);
  }
  const std::uint32_t region_height = roi.y_stop.value_or(height) - roi.y_start.value_or(0);
  const std::uint32_t region_width = roi.x_stop.value_or(width) - roi.x_start.value_or(0);
  const Binning bin{random_bin(random, region_height), random_bin(random, region_width)};
  const BinMode mode = random() % 2 == 0 ? BinMode::kSum : BinMode::kMean;
  const PixelType type = testing::pixel_type<Pixel>();
  const auto plan =
      make_plan({height, width, type}, spec_of(roi, bin, mode), random_saturation(random, type));
  EXPECT_TRUE(plan.has_value());

  const auto fill = static_cast<Fill>(random() % 5);
  std::vector<Pixel> pixels(std::size_t{height} * width);
  for (auto& pixel : pixels) pixel = random_pixel<Pixel>(random, fill);
  const auto offset = static_cast<std::size_t>(random() % 4 == 0 ? random() % 64 : 0);
  return {plan.value(), testing::bytes_of(pixels), offset};
}

std::string to_text(const Scene& scene) {
  const auto& plan = scene.plan;
  return to_string(plan.source) + ", " + to_string(plan.region) + ", bin " +
         std::to_string(plan.bin.rows) + "x" + std::to_string(plan.bin.columns) +
         (plan.bin_mode == BinMode::kMean ? " mean" : " sum") + " to " + to_string(plan.output) +
         ", saturation " + std::to_string(plan.saturation);
}

void expect_close(double value, double expected, double scale) {
  if (std::isnan(expected) || std::isinf(expected)) {
    EXPECT_EQ(std::isnan(value), std::isnan(expected));
    if (std::isinf(expected)) {
      EXPECT_EQ(value, expected);
    }
    return;
  }
  EXPECT_NEAR(value, expected, std::isfinite(scale) ? scale * 1e-12 : 0.0);
}

/// Bit for bit, but for which NaN a NaN is.
template <class Pixel>
void expect_same_pixels(const Reduced& reduced, const Reduced& plain) {
  if (reduced.bytes == plain.bytes) return;
  const auto pixels = reduced.pixels<Pixel>();
  const auto expected = plain.pixels<Pixel>();
  ASSERT_EQ(pixels.size(), expected.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    if (std::isnan(expected[i]) && std::isnan(pixels[i])) continue;
    ASSERT_EQ(std::memcmp(&pixels[i], &expected[i], sizeof(Pixel)), 0)
        << "pixel " << i << ": " << pixels[i] << " instead of " << expected[i];
  }
}

void expect_same_statistics(const FrameStatistics& statistics, const FrameStatistics& plain) {
  EXPECT_EQ(statistics.min, plain.min);
  EXPECT_EQ(statistics.max, plain.max);
  EXPECT_EQ(statistics.sum, plain.sum);
  EXPECT_EQ(statistics.mean, plain.mean);
  EXPECT_EQ(statistics.std, plain.std);
}

void expect_close_statistics(const FrameStatistics& statistics, const FrameStatistics& plain) {
  // Sums of both signs are compared with what was added up, the deviation with itself.
  const double size = std::max(std::abs(plain.min), std::abs(plain.max));
  const double pixels = std::isnan(plain.mean) || plain.mean == 0 ? 1 : plain.sum / plain.mean;
  expect_close(statistics.min, plain.min, 0);
  expect_close(statistics.max, plain.max, 0);
  expect_close(statistics.sum, plain.sum, size * pixels);
  expect_close(statistics.mean, plain.mean, size);
  expect_close(statistics.std, plain.std, plain.std);
}

template <class Pixel>
void compare_all_sets(int scenes) {
  std::mt19937_64 random(2024 + sizeof(Pixel));
  for (int i = 0; i < scenes && !::testing::Test::HasFailure(); ++i) {
    const Scene scene = random_scene<Pixel>(random);
    const Reduced plain = testing::run(scene.plan, KernelSet::kPlain, scene.source);
    for (const KernelSet set : testing::sets_here()) {
      SCOPED_TRACE(std::string(name_of(set)) + ": " + to_text(scene));
      const Reduced reduced = testing::run(scene.plan, set, scene.source, scene.misalignment_bytes);
      EXPECT_EQ(reduced.statistics.saturated, plain.statistics.saturated);
      EXPECT_EQ(reduced.statistics.clipped, plain.statistics.clipped);
      if constexpr (std::is_floating_point_v<Pixel>) {
        expect_same_pixels<Pixel>(reduced, plain);
        expect_close_statistics(reduced.statistics, plain.statistics);
      } else {
        EXPECT_EQ(reduced.bytes, plain.bytes);
        expect_same_statistics(reduced.statistics, plain.statistics);
      }
    }
  }
}

TEST(Kernels, AgreeOnUint8) { compare_all_sets<std::uint8_t>(1500); }
TEST(Kernels, AgreeOnInt8) { compare_all_sets<std::int8_t>(150); }
TEST(Kernels, AgreeOnUint16) { compare_all_sets<std::uint16_t>(1500); }
TEST(Kernels, AgreeOnInt16) { compare_all_sets<std::int16_t>(150); }
TEST(Kernels, AgreeOnUint32) { compare_all_sets<std::uint32_t>(1500); }
TEST(Kernels, AgreeOnInt32) { compare_all_sets<std::int32_t>(150); }
TEST(Kernels, AgreeOnUint64) { compare_all_sets<std::uint64_t>(150); }
TEST(Kernels, AgreeOnFloat32) { compare_all_sets<float>(1500); }
TEST(Kernels, AgreeOnFloat64) { compare_all_sets<double>(150); }

/// The largest pixels in bins around the sizes where the accumulators end.
template <class Pixel>
void compare_largest_pixels(const std::vector<Binning>& bins, BinMode mode) {
  constexpr std::uint32_t kBins = 37;  // Whole vectors of output, and some more.
  for (const Binning& bin : bins) {
    const std::uint32_t cut_off_px = bin.columns > 1 ? 1 : 0;
    const FrameShape shape{bin.rows, bin.columns * kBins + cut_off_px,
                           testing::pixel_type<Pixel>()};
    const auto plan = make_plan(shape, spec_of({}, bin, mode), largest_value(shape.type));
    ASSERT_TRUE(plan);
    const std::vector<Pixel> pixels(std::size_t{shape.height_px} * shape.width_px,
                                    std::numeric_limits<Pixel>::max());
    const auto source = testing::bytes_of(pixels);
    const Reduced plain = testing::run(*plan, KernelSet::kPlain, source);
    const double pixels_per_bin = bin.rows * static_cast<double>(bin.columns);
    EXPECT_EQ(plain.statistics.max,
              largest_value(shape.type) * (mode == BinMode::kSum ? pixels_per_bin : 1.0));
    EXPECT_EQ(plain.statistics.saturated, kBins * bin.rows * bin.columns);
    for (const KernelSet set : testing::sets_here()) {
      SCOPED_TRACE(std::string(name_of(set)) + " " + std::to_string(bin.rows) + "x" +
                   std::to_string(bin.columns));
      const Reduced reduced = testing::run(*plan, set, source);
      EXPECT_EQ(reduced.bytes, plain.bytes);
      expect_same_statistics(reduced.statistics, plain.statistics);
      EXPECT_EQ(reduced.statistics.saturated, plain.statistics.saturated);
    }
  }
}

TEST(Kernels, AgreeWhereAccumulatorsAreFull) {
  for (const BinMode mode : {BinMode::kSum, BinMode::kMean}) {
    compare_largest_pixels<std::uint8_t>({{128, 2},
                                          {129, 2},
                                          {257, 1},
                                          {258, 1},
                                          {128, 130},
                                          {64, 4},
                                          {300, 300},
                                          {1, 4096},
                                          {2, 127}},
                                         mode);
    compare_largest_pixels<std::uint16_t>({{16, 16},
                                           {257, 1},
                                           {128, 2},
                                           {129, 2},
                                           {1, 65536},
                                           {1, 65537},
                                           {1, 65538},
                                           {256, 257},
                                           {65537, 1},
                                           {65538, 1},
                                           {32768, 2},
                                           {32769, 2}},
                                          mode);
    compare_largest_pixels<std::uint32_t>({{2, 2}, {1, 65535}, {1, 65536}, {255, 257}, {3, 1}},
                                          mode);
  }
}

TEST(Kernels, RoundMeansJustBelowOneHalfDown) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  for (const Binning bin : {Binning{1, 3}, Binning{1, 65535}, Binning{1, 65537}, Binning{1, 99999},
                            Binning{3, 40001}, Binning{1, 1000003}}) {
    const std::uint32_t pixels_per_bin = bin.rows * bin.columns;
    const auto plan = make_plan({bin.rows, bin.columns, PixelType::kUint32},
                                spec_of({}, bin, BinMode::kMean), {});
    ASSERT_TRUE(plan);
    std::vector<std::uint32_t> pixels(pixels_per_bin, kMost);
    pixels[1] -= pixels_per_bin / 2 + 1;
    for (const KernelSet set : testing::sets_here()) {
      const auto reduced = testing::run(*plan, set, testing::bytes_of(pixels));
      EXPECT_EQ(reduced.pixels<std::uint32_t>().front(), kMost - 1)
          << name_of(set) << " " << pixels_per_bin;
    }
  }
}

TEST(Kernels, SumWholeFloatsExactly) {
  const auto plan = make_plan({40, 1001, PixelType::kFloat32}, {}, {});
  ASSERT_TRUE(plan);
  std::mt19937_64 random(4);
  std::vector<float> pixels(std::size_t{40} * 1001);
  double sum = 0;
  for (float& pixel : pixels) {
    pixel = static_cast<float>(random() % 65536);
    sum += static_cast<double>(pixel);
  }
  for (const KernelSet set : testing::sets_here()) {
    EXPECT_EQ(testing::run(*plan, set, testing::bytes_of(pixels)).statistics.sum, sum)
        << name_of(set);
  }
}

TEST(Kernels, SumNegativeZerosToZero) {
  const auto plan = make_plan({2, 38, PixelType::kFloat32}, spec_of({}, {2, 2}, BinMode::kSum), {});
  ASSERT_TRUE(plan);
  const auto source = testing::bytes_of(std::vector<float>(76, -0.0F));
  for (const KernelSet set : testing::sets_here()) {
    for (const float pixel : testing::run(*plan, set, source).pixels<float>()) {
      EXPECT_FALSE(std::signbit(pixel)) << name_of(set);
    }
  }
}

}  // namespace
}  // namespace framelog
