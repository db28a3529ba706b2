#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace framelog {

/// A number with its highest byte first, at any address.
template <std::unsigned_integral Number>
[[nodiscard]] Number load_big_endian(const std::byte* from) noexcept {
  Number number{};
  std::memcpy(&number, from, sizeof(number));
  return std::endian::native == std::endian::little ? std::byteswap(number) : number;
}

template <std::unsigned_integral Number>
void store_big_endian(std::byte* to, Number number) noexcept {
  if (std::endian::native == std::endian::little) number = std::byteswap(number);
  std::memcpy(to, &number, sizeof(number));
}

}  // namespace framelog
