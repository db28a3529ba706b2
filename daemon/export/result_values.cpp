#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "export/result_pixels.hpp"

// Values of pixels, whatever their type.
namespace framelog {
namespace {

template <class Do>
void with_type(PixelType type, Do&& act) {
  switch (type) {
    case PixelType::kUint8:
      return act(std::uint8_t{});
    case PixelType::kInt8:
      return act(std::int8_t{});
    case PixelType::kUint16:
      return act(std::uint16_t{});
    case PixelType::kInt16:
      return act(std::int16_t{});
    case PixelType::kUint32:
      return act(std::uint32_t{});
    case PixelType::kInt32:
      return act(std::int32_t{});
    case PixelType::kUint64:
      return act(std::uint64_t{});
    case PixelType::kFloat32:
      return act(float{});
    case PixelType::kFloat64:
      return act(double{});
  }
}

template <class Pixel>
Pixel pixel_at(std::span<const std::byte> pixels, std::size_t index) {
  Pixel pixel{};
  std::memcpy(&pixel, pixels.data() + index * sizeof(Pixel), sizeof(Pixel));
  return pixel;
}

template <class Pixel>
void put_pixel(std::span<std::byte> pixels, std::size_t index, Pixel pixel) {
  std::memcpy(pixels.data() + index * sizeof(Pixel), &pixel, sizeof(Pixel));
}

/// As a processor converts: towards zero, and the lowest bits of what is too large. What is beyond
/// 64 bits, or no number, is 0.
template <class To, class From>
To truncated(From value) {
  if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_integral_v<From>) {
    return static_cast<To>(value);
  } else {
    constexpr From kBound = 9223372036854775808.0F;
    if (value >= -kBound && value < kBound)
      return static_cast<To>(static_cast<std::int64_t>(value));
    if (std::is_same_v<To, std::uint64_t> && value >= kBound && value < 2 * kBound) {
      return static_cast<To>(static_cast<std::uint64_t>(value));
    }
    return To{0};
  }
}

}  // namespace

void load_values(PixelType type, std::span<const std::byte> pixels, std::span<double> values) {
  with_type(type, [&]<class Pixel>(Pixel) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<double>(pixel_at<Pixel>(pixels, i));
    }
  });
}

void store_values(PixelType type, std::span<const double> values, std::span<std::byte> pixels) {
  if (type == PixelType::kFloat64) {
    std::memcpy(pixels.data(), values.data(), values.size_bytes());
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    put_pixel(pixels, i, static_cast<float>(values[i]));
  }
}

std::vector<std::uint8_t> mask_of_output(std::span<const double> source,
                                         const ReductionPlan& plan) {
  const std::size_t width = plan.output.width_px;
  std::vector<std::uint8_t> mask(std::size_t{plan.output.height_px} * width);
  for (std::uint32_t y = plan.region.y_start; y < plan.region.y_stop; ++y) {
    for (std::uint32_t x = plan.region.x_start; x < plan.region.x_stop; ++x) {
      if (source[std::size_t{y} * plan.source.width_px + x] == 0) continue;
      mask[(y - plan.region.y_start) / plan.bin.rows * width +
           (x - plan.region.x_start) / plan.bin.columns] = 1;
    }
  }
  return mask;
}

void convert_truncating(PixelType from, std::span<const std::byte> pixels, PixelType to,
                        const std::optional<Renormalisation>& map, std::span<std::byte> into) {
  const std::size_t count = pixels.size() / size_bytes(from);
  const Renormalisation ranges = map.value_or(Renormalisation{});
  const auto from_min = static_cast<float>(ranges.from_min);
  const auto to_min = static_cast<float>(ranges.to_min);
  const auto factor =
      static_cast<float>((ranges.to_max - ranges.to_min) / (ranges.from_max - ranges.from_min));
  with_type(from, [&]<class From>(From) {
    with_type(to, [&]<class To>(To) {
      for (std::size_t i = 0; i < count; ++i) {
        const From value = pixel_at<From>(pixels, i);
        if (!map) {
          put_pixel(into, i, truncated<To>(value));
          continue;
        }
        const float shifted = static_cast<float>(value) - from_min;
        const float scaled = shifted * factor;
        put_pixel(into, i, truncated<To>(to_min + scaled));
      }
    });
  });
}

}  // namespace framelog
