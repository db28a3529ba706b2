#include "export/filters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace framelog {
namespace {

using Image = std::vector<double>;

Image random_image(std::uint32_t height, std::uint32_t width, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(5, 2);
  Image image(std::size_t{height} * width);
  for (double& pixel : image) pixel = normal(random);
  return image;
}

Image filtered(const std::string& steps, Image image, std::uint32_t height, std::uint32_t width) {
  FilterChain chain(parse_filters(steps).value(), height, width);
  static_cast<void>(chain.run(image));
  return image;
}

std::string refusal(const std::string& text) {
  const auto steps = parse_filters(text);
  return steps ? "accepted" : describe(steps.error());
}

void expect_near(const Image& a, const Image& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << i;
}

TEST(FiltersTest, AreParsedWithTheirDefaults) {
  const auto steps =
      parse_filters("remove_plane; align_rows;flatten ; gaussian sigma=1.5;").value();
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_EQ(steps[1].name, "row_median_align");
  EXPECT_EQ(steps[2], (FilterStep{"flatten", {{"order", 2}}}));
  EXPECT_EQ(steps[3], (FilterStep{"gaussian", {{"sigma", 1.5}}}));
}

TEST(FiltersTest, RefuseWhatIsNotThere) {
  EXPECT_NE(refusal("sharpen").find("allowed: remove_plane"), std::string::npos);
  EXPECT_NE(refusal("gaussian sigma=0").find("allowed: numbers from 0.01"), std::string::npos);
  EXPECT_NE(refusal("gaussian size=3").find("allowed: sigma"), std::string::npos);
  EXPECT_NE(refusal("gaussian sigma=1 sigma=2").find("twice"), std::string::npos);
  EXPECT_NE(refusal("gaussian sigma").find("NAME=NUMBER"), std::string::npos);
  EXPECT_NE(refusal("median size=2.5").find("whole"), std::string::npos);
  EXPECT_NE(refusal("mask_threshold").find("above, below"), std::string::npos);
  EXPECT_NE(refusal("").find("no step"), std::string::npos);
  EXPECT_NE(refusal("zero_mean;;zero_mean").find("no step"), std::string::npos);
}

TEST(FiltersTest, FitsRemoveWhatTheyFit) {
  constexpr std::uint32_t kHeight = 9;
  constexpr std::uint32_t kWidth = 13;
  Image plane;
  Image cubic;
  for (int y = 0; y < 9; ++y) {
    for (int x = 0; x < 13; ++x) {
      plane.push_back(3 + 0.5 * y - 0.25 * x);
      cubic.push_back(1 + y - 2 * x + 0.1 * x * y * y - 0.02 * x * x * x);
    }
  }
  const Image zero(plane.size(), 0.0);
  expect_near(filtered("remove_plane", plane, kHeight, kWidth), zero, 1e-10);
  expect_near(filtered("flatten order=3", cubic, kHeight, kWidth), zero, 1e-9);
  const Image rest = filtered("flatten order=2", cubic, kHeight, kWidth);
  EXPECT_GT(*std::ranges::max_element(rest), 0.1);
}

/// What is left of a least squares fit is orthogonal to all that was fitted.
TEST(FiltersTest, FitsAreLeastSquares) {
  const Image rest = filtered("flatten order=2", random_image(11, 7, 3), 11, 7);
  for (int i = 0; i <= 2; ++i) {
    for (int k = 0; i + k <= 2; ++k) {
      double product = 0;
      for (int y = 0; y < 11; ++y) {
        for (int x = 0; x < 7; ++x) {
          product += rest[static_cast<std::size_t>(y * 7 + x)] * std::pow(y, i) * std::pow(x, k);
        }
      }
      EXPECT_NEAR(product, 0, 1e-8) << i << ' ' << k;
    }
  }
}

TEST(FiltersTest, MaskedPixelsDoNotCountInFits) {
  Image image;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) image.push_back(0.1 * y + (x > 4 && y > 4 ? 100 : 0));
  }
  const Image flat = filtered("mask_threshold above=50; remove_plane", image, 8, 8);
  for (std::size_t i = 0; i < 64; ++i) EXPECT_NEAR(flat[i], image[i] > 50 ? 100 : 0, 1e-9);
  const Image rows = filtered("mask_threshold above=50; row_median_align", image, 8, 8);
  EXPECT_NEAR(rows[7 * 8], 0, 1e-12);
  const Image mean = filtered("mask_threshold above=50; zero_mean", image, 8, 8);
  double sum = 0;
  for (std::size_t i = 0; i < 64; ++i) sum += image[i] > 50 ? 0 : mean[i];
  EXPECT_NEAR(sum, 0, 1e-9);
}

TEST(FiltersTest, RowsAreAlignedByTheirMedians) {
  const Image image{1, 2, 9, 4, 10, 30, 20, 5};
  EXPECT_EQ(filtered("row_median_align", image, 2, 4), (Image{-2, -1, 6, 1, -5, 15, 5, -10}));
}

/// The definition: a sum over the mirrored frame with the outer product of the weights.
Image plain_gaussian(const Image& image, int height, int width, double sigma) {
  const int radius = static_cast<int>(4 * sigma + 0.5);
  std::vector<double> weights;
  double all = 0;
  for (int i = -radius; i <= radius; ++i) {
    weights.push_back(std::exp(-i * i / (2 * sigma * sigma)));
    all += weights.back();
  }
  const auto mirror = [](int at, int size) {
    while (at < 0 || at >= size) at = at < 0 ? -1 - at : 2 * size - 1 - at;
    return at;
  };
  Image result;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      double sum = 0;
      for (int v = -radius; v <= radius; ++v) {
        for (int u = -radius; u <= radius; ++u) {
          sum +=
              weights[static_cast<std::size_t>(v + radius)] *
              weights[static_cast<std::size_t>(u + radius)] / (all * all) *
              image[static_cast<std::size_t>(mirror(y + v, height) * width + mirror(x + u, width))];
        }
      }
      result.push_back(sum);
    }
  }
  return result;
}

TEST(FiltersTest, GaussianIsTheMirroredSum) {
  for (const double sigma : {0.3, 1.0, 1.5, 4.0}) {
    const Image image = random_image(7, 10, 4);
    expect_near(filtered("gaussian sigma=" + std::to_string(sigma), image, 7, 10),
                plain_gaussian(image, 7, 10, sigma), 1e-12);
  }
}

TEST(FiltersTest, MedianIsThatOfTheMirroredNeighbourhood) {
  const Image image = random_image(6, 5, 9);
  const Image result = filtered("median size=3", image, 6, 5);
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 5; ++x) {
      Image near;
      for (int v = -1; v <= 1; ++v) {
        for (int u = -1; u <= 1; ++u) {
          near.push_back(image[static_cast<std::size_t>(std::clamp(y + v, 0, 5) * 5 +
                                                        std::clamp(x + u, 0, 4))]);
        }
      }
      std::ranges::sort(near);
      EXPECT_EQ(result[static_cast<std::size_t>(y * 5 + x)], near[4]);
    }
  }
}

TEST(FiltersTest, MasksMarkAndGrow) {
  Image image(25, 1.0);
  image[12] = 50;
  FilterChain chain(
      parse_filters("mask_mean_offset factor=2; mask_adjacency; mask_threshold below=0.5").value(),
      5, 5);
  const auto layers = chain.run(image);
  ASSERT_EQ(layers.size(), 3U);
  EXPECT_EQ(std::ranges::count(layers[0].mask, 1), 1);
  EXPECT_EQ(layers[0].mask[12], 1);
  EXPECT_EQ(std::ranges::count(layers[1].mask, 1), 9);
  EXPECT_EQ(layers[1].mask[6], 1);
  EXPECT_EQ(std::ranges::count(layers[2].mask, 1), 9);
  EXPECT_TRUE(layers[0].values.empty());
}

TEST(FiltersTest, NumbersThatAreNoneDoNotCount) {
  Image image(16, 2.0);
  image[5] = std::nan("");
  const Image result = filtered("remove_plane; zero_mean", image, 4, 4);
  for (std::size_t i = 0; i < 16; ++i) {
    if (i != 5) {
      EXPECT_NEAR(result[i], 0, 1e-12);
    }
  }
  EXPECT_TRUE(std::isnan(result[5]));
}

}  // namespace
}  // namespace framelog
