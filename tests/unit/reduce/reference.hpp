#pragma once

// The whole way from source to output, once more and as plainly as it can be said: in float64,
// which holds every pixel but those of uint64, step by step over whole images.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "reduce/correction.hpp"
#include "reduction_fixture.hpp"

namespace framelog::testing {

struct Image {
  std::size_t height{};
  std::size_t width{};
  std::vector<double> values;

  Image(std::size_t rows, std::size_t columns)
      : height(rows), width(columns), values(rows * columns) {}
  [[nodiscard]] double& at(std::size_t y, std::size_t x) { return values[y * width + x]; }
  [[nodiscard]] double at(std::size_t y, std::size_t x) const { return values[y * width + x]; }
};

/// `value` as a pixel of `type`, which has room for it.
inline double as_type(double value, PixelType type) {
  return type == PixelType::kFloat32 ? static_cast<double>(static_cast<float>(value)) : value;
}

template <class Pixel>
std::vector<double> values_as(const std::vector<std::byte>& bytes) {
  std::vector<double> values;
  for (const Pixel pixel : Reduced{bytes, {}}.pixels<Pixel>()) {
    values.push_back(static_cast<double>(pixel));
  }
  return values;
}

inline std::vector<double> values_of(const std::vector<std::byte>& bytes, PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return values_as<std::uint8_t>(bytes);
    case PixelType::kInt8:
      return values_as<std::int8_t>(bytes);
    case PixelType::kUint16:
      return values_as<std::uint16_t>(bytes);
    case PixelType::kInt16:
      return values_as<std::int16_t>(bytes);
    case PixelType::kUint32:
      return values_as<std::uint32_t>(bytes);
    case PixelType::kInt32:
      return values_as<std::int32_t>(bytes);
    case PixelType::kUint64:
      return values_as<std::uint64_t>(bytes);
    case PixelType::kFloat32:
      return values_as<float>(bytes);
    case PixelType::kFloat64:
      break;
  }
  return values_as<double>(bytes);
}

/// Rounded half away from zero.
inline double rounded_for(double value, PixelType type) {
  return is_float(type) ? value : std::round(value);
}

inline double median_of(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  const double high = values[values.size() / 2];
  const double low = values[(values.size() - 1) / 2];
  return low / 2 + high / 2;
}

struct CorrectionImages {
  std::optional<CorrectionImage> dark, flat, bad;

  [[nodiscard]] double dark_at(std::size_t i) const { return dark ? dark->values[i] : 0.0; }
  [[nodiscard]] bool is_bad(std::size_t i) const {
    if (bad && bad->values[i] != 0) return true;
    if (dark && !std::isfinite(dark->values[i])) return true;
    return flat && (!std::isfinite(flat->values[i]) || flat->values[i] == dark_at(i));
  }
  [[nodiscard]] double corrected(const Image& image, std::size_t i) const {
    const double level = image.values[i] - dark_at(i);
    return flat ? level / (flat->values[i] - dark_at(i)) : level;
  }
  /// The good neighbours in the smallest square that has any.
  [[nodiscard]] double replacement(const Image& image, std::size_t y, std::size_t x) const {
    for (std::size_t reach = 1;; ++reach) {
      bool any = false;
      std::vector<double> neighbours;
      for (std::size_t row = y > reach ? y - reach : 0; row <= y + reach; ++row) {
        for (std::size_t column = x > reach ? x - reach : 0; column <= x + reach; ++column) {
          const std::size_t i = row * image.width + column;
          if (row >= image.height || column >= image.width || is_bad(i)) continue;
          any = true;
          if (!std::isnan(image.values[i])) neighbours.push_back(corrected(image, i));
        }
      }
      if (any) return median_of(neighbours);
    }
  }
  [[nodiscard]] Image apply(const Image& image, PixelType type) const {
    Image result(image.height, image.width);
    for (std::size_t y = 0; y < image.height; ++y) {
      for (std::size_t x = 0; x < image.width; ++x) {
        const std::size_t i = y * image.width + x;
        const double value = is_bad(i) ? replacement(image, y, x) : corrected(image, i);
        result.values[i] = as_type(rounded_for(value, type), type);
      }
    }
    return result;
  }
};

inline Image binned(const ReductionPlan& plan, const Image& image) {
  Image result(plan.binned.height_px, plan.binned.width_px);
  for (std::size_t y = 0; y < result.height; ++y) {
    for (std::size_t x = 0; x < result.width; ++x) {
      double sum = 0;
      std::size_t count = 0;
      for (std::size_t row = 0; row < plan.bin.rows; ++row) {
        for (std::size_t column = 0; column < plan.bin.columns; ++column) {
          const double pixel = image.at(plan.region.y_start + y * plan.bin.rows + row,
                                        plan.region.x_start + x * plan.bin.columns + column);
          if (std::isnan(pixel)) continue;
          sum += pixel;
          ++count;
        }
      }
      if (plan.bin_mode == BinMode::kMean) sum /= static_cast<double>(count);
      if (count == 0) sum = std::numeric_limits<double>::quiet_NaN();
      result.at(y, x) = as_type(rounded_for(sum, plan.binned.type), plan.binned.type);
    }
  }
  return result;
}

inline Image combined(const ReductionPlan& plan, const std::vector<Image>& images) {
  Image result = images.front();
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    double sum = 0;
    std::size_t count = 0;
    for (const Image& image : images) {
      if (std::isnan(image.values[i])) continue;
      sum += image.values[i];
      ++count;
    }
    if (plan.accumulate_mode == AccumulateMode::kMean) sum /= static_cast<double>(count);
    if (count == 0) sum = std::numeric_limits<double>::quiet_NaN();
    result.values[i] = as_type(rounded_for(sum, plan.combined.type), plan.combined.type);
  }
  return result;
}

struct ConvertedImage {
  Image image;
  std::uint64_t clipped{};
};

inline ConvertedImage converted(const ReductionPlan& plan, const Image& image) {
  ConvertedImage result{image};
  if (plan.output.type == plan.combined.type && !plan.renormalise) return result;
  const PixelType type = plan.output.type;
  for (double& value : result.image.values) {
    if (const auto& map = plan.renormalise) {
      value = map->to_min + (value - map->from_min) * (map->to_max - map->to_min) /
                                (map->from_max - map->from_min);
    }
    if (is_float(type)) {
      value = as_type(value, type);
      continue;
    }
    const double most = largest_value(type);
    const double least = is_signed(type) ? -most - 1 : 0;
    const double rounded = std::isnan(value) ? 0 : std::clamp(std::round(value), least, most);
    if (std::isnan(value) || rounded != std::round(value)) ++result.clipped;
    value = rounded;
  }
  return result;
}

/// Source pixels of the region at or above the saturation value.
inline std::uint64_t saturated_in(const ReductionPlan& plan, const Image& source) {
  std::uint64_t saturated = 0;
  for (std::size_t y = plan.region.y_start; y < plan.region.y_stop; ++y) {
    for (std::size_t x = plan.region.x_start; x < plan.region.x_stop; ++x) {
      const double pixel = source.at(y, x);
      if (std::isfinite(plan.saturation) && pixel >= plan.saturation) ++saturated;
    }
  }
  return saturated;
}

}  // namespace framelog::testing
