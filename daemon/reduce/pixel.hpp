#pragma once

// Pixels at any address, and the step from a pixel type to its C++ type. Not for the vector
// kernels, which call no inline function of another header (vector_ops.hpp).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/frame.hpp"

namespace framelog {

template <class Pixel>
[[nodiscard]] Pixel load_pixel(const std::byte* row, std::size_t index) noexcept {
  Pixel pixel;
  std::memcpy(&pixel, row + index * sizeof(Pixel), sizeof(Pixel));
  return pixel;
}

template <class Pixel>
void store_pixel(std::byte* row, std::size_t index, Pixel pixel) noexcept {
  std::memcpy(row + index * sizeof(Pixel), &pixel, sizeof(Pixel));
}

template <class Pixel>
[[nodiscard]] constexpr PixelType type_of_pixel() noexcept {
  if (std::is_floating_point_v<Pixel>) {
    return sizeof(Pixel) == 4 ? PixelType::kFloat32 : PixelType::kFloat64;
  }
  switch (sizeof(Pixel)) {
    case 1:
      return std::is_signed_v<Pixel> ? PixelType::kInt8 : PixelType::kUint8;
    case 2:
      return std::is_signed_v<Pixel> ? PixelType::kInt16 : PixelType::kUint16;
    case 4:
      return std::is_signed_v<Pixel> ? PixelType::kInt32 : PixelType::kUint32;
    default:
      return PixelType::kUint64;
  }
}

/// Calls `function` with std::type_identity of the C++ type of `type`.
template <class Function>
auto with_pixel_type(PixelType type, Function function) {
  switch (type) {
    case PixelType::kUint8:
      return function(std::type_identity<std::uint8_t>{});
    case PixelType::kInt8:
      return function(std::type_identity<std::int8_t>{});
    case PixelType::kUint16:
      return function(std::type_identity<std::uint16_t>{});
    case PixelType::kInt16:
      return function(std::type_identity<std::int16_t>{});
    case PixelType::kUint32:
      return function(std::type_identity<std::uint32_t>{});
    case PixelType::kInt32:
      return function(std::type_identity<std::int32_t>{});
    case PixelType::kUint64:
      return function(std::type_identity<std::uint64_t>{});
    case PixelType::kFloat32:
      return function(std::type_identity<float>{});
    case PixelType::kFloat64:
      break;
  }
  return function(std::type_identity<double>{});
}

}  // namespace framelog
