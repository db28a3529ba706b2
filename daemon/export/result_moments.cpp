#include <cmath>
#include <cstring>
#include <limits>

#include "export/result_images.hpp"

namespace framelog {
namespace {

std::uint64_t whole(std::span<const std::byte> pixels, std::size_t pixel) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, &pixels[pixel * sizeof value], sizeof value);
  return value;
}

}  // namespace

PixelMoments::PixelMoments(const FrameShape& shape)
    : shape_(shape), max_(size_bytes(shape)), min_(size_bytes(shape)) {
  const std::size_t pixels = std::size_t{shape.height_px} * shape.width_px;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  largest_.assign(pixels, kNan);
  least_.assign(pixels, kNan);
  counts_.assign(pixels, 0);
  sums_.assign(pixels, 0);
  lost_.assign(pixels, 0);
  means_.assign(pixels, 0);
  deviations_.assign(pixels, 0);
  if (!is_float(shape.type)) return;
  for (auto* bytes : {&max_, &min_}) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const auto nan = std::numeric_limits<float>::quiet_NaN();
      if (shape.type == PixelType::kFloat32) std::memcpy(&(*bytes)[i * 4], &nan, 4);
      if (shape.type == PixelType::kFloat64) std::memcpy(&(*bytes)[i * 8], &kNan, 8);
    }
  }
}

void PixelMoments::add(std::span<const std::byte> pixels, std::span<const double> values) {
  const std::size_t bytes = size_bytes(shape_.type);
  // All other types fit a double without loss.
  const bool is_wide = shape_.type == PixelType::kUint64;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    if (std::isnan(value)) continue;
    const bool is_known = is_wide && counts_[i] > 0;
    if (is_known ? whole(pixels, i) > whole(max_, i) : !(value <= largest_[i])) {
      largest_[i] = value;
      std::memcpy(&max_[i * bytes], &pixels[i * bytes], bytes);
    }
    if (is_known ? whole(pixels, i) < whole(min_, i) : !(value >= least_[i])) {
      least_[i] = value;
      std::memcpy(&min_[i * bytes], &pixels[i * bytes], bytes);
    }
    const double sum = sums_[i] + value;
    lost_[i] +=
        std::abs(sums_[i]) >= std::abs(value) ? (sums_[i] - sum) + value : (value - sum) + sums_[i];
    sums_[i] = sum;
    const double offset = value - means_[i];
    means_[i] += offset / static_cast<double>(++counts_[i]);
    deviations_[i] += offset * (value - means_[i]);
  }
}

std::vector<double> PixelMoments::sum() const {
  std::vector<double> sums(sums_.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    // What an infinity loses is no number.
    sums[i] = std::isfinite(sums_[i]) ? sums_[i] + lost_[i] : sums_[i];
  }
  return sums;
}

std::vector<double> PixelMoments::mean() const {
  std::vector<double> means = sum();
  for (std::size_t i = 0; i < means.size(); ++i) {
    means[i] /= static_cast<double>(counts_[i]);  // NaN where there is none.
  }
  return means;
}

std::vector<double> PixelMoments::deviation() const {
  std::vector<double> values(deviations_.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sqrt(deviations_[i] / static_cast<double>(counts_[i]));
  }
  return values;
}

}  // namespace framelog
