#include "export/picture_zoom.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace framelog {
namespace {

constexpr double kLargestSide = 32767;  // Cairo's, too.

/// The source pixels that an output pixel is made of.
struct Taps {
  std::size_t first{};
  std::vector<float> weights;
};

Taps linear_taps(double at, std::uint32_t size) {
  const double place = std::clamp(at, 0.0, static_cast<double>(size - 1));
  const auto first = static_cast<std::size_t>(place);
  const auto part = static_cast<float>(place - static_cast<double>(first));
  if (first + 1 >= size) return {first, {1.0F}};
  return {first, {1.0F - part, part}};
}

Taps area_taps(double start, double stop, std::uint32_t size) {
  Taps taps;
  taps.first = std::min(static_cast<std::size_t>(start), std::size_t{size} - 1);
  float sum = 0;
  for (std::size_t index = taps.first; index < size && static_cast<double>(index) < stop; ++index) {
    const double from = std::max(start, static_cast<double>(index));
    const double to = std::min(stop, static_cast<double>(index + 1));
    taps.weights.push_back(static_cast<float>(std::max(to - from, 0.0)));
    sum += taps.weights.back();
  }
  for (float& weight : taps.weights) weight /= sum;
  return taps;
}

std::vector<Taps> make_taps(std::uint32_t size, std::uint32_t result) {
  const double step = static_cast<double>(size) / result;
  std::vector<Taps> taps;
  for (std::uint32_t index = 0; index < result; ++index) {
    taps.push_back(step < 1 ? linear_taps((index + 0.5) * step - 0.5, size)
                            : area_taps(index * step, (index + 1) * step, size));
  }
  return taps;
}

/// Rows as they are, columns resampled.
std::vector<float> resample_rows(const RgbImage& image, const std::vector<Taps>& columns) {
  std::vector<float> result;
  result.reserve(std::size_t{3} * image.height_px * columns.size());
  for (std::size_t y = 0; y < image.height_px; ++y) {
    const std::uint8_t* row = image.rgb.data() + 3 * y * image.width_px;
    for (const Taps& taps : columns) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        float sum = 0;
        for (std::size_t tap = 0; tap < taps.weights.size(); ++tap) {
          sum += taps.weights[tap] * static_cast<float>(row[3 * (taps.first + tap) + channel]);
        }
        result.push_back(sum);
      }
    }
  }
  return result;
}

void resample(const RgbImage& image, RgbImage& result) {
  const std::vector<float> wide = resample_rows(image, make_taps(image.width_px, result.width_px));
  const std::size_t row = std::size_t{3} * result.width_px;
  std::uint8_t* to = result.rgb.data();
  for (const Taps& taps : make_taps(image.height_px, result.height_px)) {
    for (std::size_t x = 0; x < row; ++x) {
      float sum = 0;
      for (std::size_t tap = 0; tap < taps.weights.size(); ++tap) {
        sum += taps.weights[tap] * wide[(taps.first + tap) * row + x];
      }
      *to++ = static_cast<std::uint8_t>(std::clamp(sum + 0.5F, 0.0F, 255.0F));
    }
  }
}

void repeat(const RgbImage& image, std::size_t times, RgbImage& result) {
  const std::size_t row = std::size_t{3} * result.width_px;
  for (std::size_t y = 0; y < result.height_px; ++y) {
    std::uint8_t* to = result.rgb.data() + y * row;
    if (y % times != 0) {
      std::copy_n(to - row, row, to);
      continue;
    }
    const std::uint8_t* from = image.rgb.data() + 3 * (y / times) * image.width_px;
    for (std::size_t x = 0; x < result.width_px; ++x) {
      to = std::copy_n(from + 3 * (x / times), 3, to);
    }
  }
}

}  // namespace

Result<RgbImage> zoom(const RgbImage& image, double factor) {
  if (!(factor > 0) || std::max(image.height_px, image.width_px) * factor > kLargestSide) {
    return fail(ErrorCode::kInvalid, "--zoom:",
                fmt::format("{:g} of {} x {} pixels (allowed: above 0, to at most 32767 pixels)",
                            factor, image.height_px, image.width_px));
  }
  if (factor == 1) return image;
  const auto scaled = [factor](std::uint32_t size) {
    return static_cast<std::uint32_t>(std::max(std::round(size * factor), 1.0));
  };
  RgbImage result{scaled(image.height_px), scaled(image.width_px), {}};
  result.rgb.resize(std::size_t{3} * result.height_px * result.width_px);
  if (factor > 1 && factor == std::floor(factor)) {
    repeat(image, static_cast<std::size_t>(factor), result);
  } else {
    resample(image, result);
  }
  return result;
}

}  // namespace framelog
