#include "export/filter_smooth.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace framelog {
namespace {

/// Where an index beyond the edges is found in the mirror.
std::size_t mirrored(std::int64_t index, std::int64_t size) noexcept {
  const std::int64_t period = 2 * size;
  std::int64_t at = index % period;
  if (at < 0) at += period;
  return static_cast<std::size_t>(at < size ? at : period - 1 - at);
}

std::vector<double> weights_of(double sigma) {
  const auto radius = static_cast<std::int64_t>(4 * sigma + 0.5);
  std::vector<double> weights;
  double sum = 0;
  for (std::int64_t i = -radius; i <= radius; ++i) {
    const auto distance = static_cast<double>(i);
    weights.push_back(std::exp(-0.5 / (sigma * sigma) * distance * distance));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// A line with its mirrored ends, so that the sums have no bounds to look at.
void unfold(std::span<const double> line, std::size_t radius, std::vector<double>& unfolded) {
  const auto size = static_cast<std::int64_t>(line.size());
  unfolded.resize(line.size() + 2 * radius);
  for (std::size_t i = 0; i < unfolded.size(); ++i) {
    unfolded[i] =
        line[mirrored(static_cast<std::int64_t>(i) - static_cast<std::int64_t>(radius), size)];
  }
}

/// Rows along y, all columns at once: rows of the frame are added, so that memory is read in order.
void blur_along_y(std::span<double> pixels, std::size_t height, std::size_t width,
                  const std::vector<double>& weights, std::vector<double>& scratch) {
  const auto radius = static_cast<std::int64_t>(weights.size() / 2);
  scratch.assign(pixels.begin(), pixels.end());
  for (std::size_t y = 0; y < height; ++y) {
    double* const row = pixels.data() + y * width;
    std::fill_n(row, width, 0.0);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const std::int64_t at = static_cast<std::int64_t>(y + k) - radius;
      const double* const from =
          scratch.data() + mirrored(at, static_cast<std::int64_t>(height)) * width;
      for (std::size_t x = 0; x < width; ++x) row[x] += weights[k] * from[x];
    }
  }
}

void blur_along_x(std::span<double> pixels, std::size_t height, std::size_t width,
                  const std::vector<double>& weights, std::vector<double>& scratch) {
  for (std::size_t y = 0; y < height; ++y) {
    const std::span row = pixels.subspan(y * width, width);
    unfold(row, weights.size() / 2, scratch);
    for (std::size_t x = 0; x < width; ++x) {
      double sum = 0;
      for (std::size_t k = 0; k < weights.size(); ++k) sum += weights[k] * scratch[x + k];
      row[x] = sum;
    }
  }
}

}  // namespace

void gaussian(std::span<double> pixels, std::uint32_t height_px, std::uint32_t width_px,
              double sigma, std::vector<double>& scratch) {
  const auto weights = weights_of(sigma);
  blur_along_y(pixels, height_px, width_px, weights, scratch);
  blur_along_x(pixels, height_px, width_px, weights, scratch);
}

void median(std::span<double> pixels, std::uint32_t height_px, std::uint32_t width_px,
            std::uint32_t size, std::vector<double>& scratch) {
  scratch.assign(pixels.begin(), pixels.end());
  const std::int64_t before = size / 2;
  std::vector<double> window(std::size_t{size} * size);
  const auto middle = window.begin() + static_cast<std::ptrdiff_t>(window.size() / 2);
  for (std::uint32_t y = 0; y < height_px; ++y) {
    for (std::uint32_t x = 0; x < width_px; ++x) {
      bool has_nan = false;
      auto into = window.begin();
      for (std::int64_t dy = 0; dy < size; ++dy) {
        const double* const row = scratch.data() + mirrored(y + dy - before, height_px) * width_px;
        for (std::int64_t dx = 0; dx < size; ++dx) {
          *into = row[mirrored(x + dx - before, width_px)];
          has_nan = has_nan || std::isnan(*into++);
        }
      }
      double& pixel = pixels[std::size_t{y} * width_px + x];
      pixel = std::numeric_limits<double>::quiet_NaN();
      if (has_nan) continue;
      std::nth_element(window.begin(), middle, window.end());
      pixel = *middle;
    }
  }
}

void grow(std::span<std::uint8_t> mask, std::uint32_t height_px, std::uint32_t width_px,
          std::uint32_t distance) {
  const std::vector<std::uint8_t> before(mask.begin(), mask.end());
  for (std::uint32_t y = 0; y < height_px; ++y) {
    for (std::uint32_t x = 0; x < width_px; ++x) {
      if (before[std::size_t{y} * width_px + x] == 0) continue;
      const std::uint32_t y_stop = std::min(height_px, y + distance + 1);
      const std::uint32_t x_start = x - std::min(x, distance);
      const std::uint32_t x_stop = std::min(width_px, x + distance + 1);
      for (std::uint32_t v = y - std::min(y, distance); v < y_stop; ++v) {
        std::fill_n(mask.begin() + static_cast<std::ptrdiff_t>(std::size_t{v} * width_px + x_start),
                    x_stop - x_start, std::uint8_t{1});
      }
    }
  }
}

}  // namespace framelog
