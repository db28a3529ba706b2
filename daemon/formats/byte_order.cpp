#include "formats/byte_order.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace framelog {
namespace {

template <class T>
void swap_each(std::span<std::byte> pixels) noexcept {
  for (std::size_t i = 0; i < pixels.size(); i += sizeof(T)) {
    T value{};
    std::memcpy(&value, pixels.data() + i, sizeof(T));
    value = std::byteswap(value);
    std::memcpy(pixels.data() + i, &value, sizeof(T));
  }
}

}  // namespace

void swap_bytes(std::span<std::byte> pixels, std::size_t pixel_bytes) noexcept {
  if (pixel_bytes == 2) swap_each<std::uint16_t>(pixels);
  if (pixel_bytes == 4) swap_each<std::uint32_t>(pixels);
  if (pixel_bytes == 8) swap_each<std::uint64_t>(pixels);
}

}  // namespace framelog
