#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/frame.hpp"

namespace framelog {

/// Calls `use` with a value of the C++ type that the pixels have.
template <class Use>
void with_pixel_type(PixelType type, Use&& use) {
  switch (type) {
    case PixelType::kUint8:
      return use(std::uint8_t{});
    case PixelType::kInt8:
      return use(std::int8_t{});
    case PixelType::kUint16:
      return use(std::uint16_t{});
    case PixelType::kInt16:
      return use(std::int16_t{});
    case PixelType::kUint32:
      return use(std::uint32_t{});
    case PixelType::kInt32:
      return use(std::int32_t{});
    case PixelType::kUint64:
      return use(std::uint64_t{});
    case PixelType::kFloat32:
      return use(float{});
    case PixelType::kFloat64:
      return use(double{});
  }
}

/// Pixel `index` of bytes that need not be aligned.
template <class Pixel>
Pixel pixel_at(std::span<const std::byte> pixels, std::size_t index) noexcept {
  Pixel value{};
  std::memcpy(&value, pixels.data() + index * sizeof(Pixel), sizeof(Pixel));
  return value;
}

}  // namespace framelog
