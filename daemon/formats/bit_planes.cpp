#include "formats/bit_planes.hpp"

#include <cstdint>
#include <cstring>

namespace framelog {
namespace {

/// Turns eight bytes, as a matrix of 8 x 8 bits, about its diagonal: bit k of byte i goes to bit i
/// of byte k (Hacker's Delight, 7-3).
std::uint64_t turned(std::uint64_t bits) noexcept {
  const auto swap = [&bits](unsigned distance, std::uint64_t mask) {
    const std::uint64_t differing = (bits ^ bits >> distance) & mask;
    bits ^= differing ^ differing << distance;
  };
  swap(7, 0x00AA00AA00AA00AAU);
  swap(14, 0x0000CCCC0000CCCCU);
  swap(28, 0x00000000F0F0F0F0U);
  return bits;
}

}  // namespace

void shuffle_bytes(std::span<const std::byte> elements, std::span<std::byte> shuffled,
                   std::size_t element_bytes) noexcept {
  const std::size_t count = elements.size() / element_bytes;
  for (std::size_t byte = 0; byte < element_bytes; ++byte) {
    const std::byte* from = elements.data() + byte;
    std::byte* const to = shuffled.data() + byte * count;
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i * element_bytes];
  }
}

void unshuffle_bytes(std::span<const std::byte> shuffled, std::span<std::byte> elements,
                     std::size_t element_bytes) noexcept {
  const std::size_t count = elements.size() / element_bytes;
  for (std::size_t byte = 0; byte < element_bytes; ++byte) {
    const std::byte* const from = shuffled.data() + byte * count;
    std::byte* const to = elements.data() + byte;
    for (std::size_t i = 0; i < count; ++i) to[i * element_bytes] = from[i];
  }
}

void split_bits(std::span<const std::byte> elements, std::span<std::byte> planes,
                std::size_t element_bytes) noexcept {
  const std::size_t plane_bytes = elements.size() / element_bytes / 8;
  for (std::size_t i = 0; i < plane_bytes; ++i) {
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
      const std::byte* const from = elements.data() + i * 8 * element_bytes + byte;
      std::uint64_t bits = 0;
      for (unsigned k = 0; k < 8; ++k) {
        bits |= std::to_integer<std::uint64_t>(from[k * element_bytes]) << 8 * k;
      }
      bits = turned(bits);
      std::byte* const to = planes.data() + byte * 8 * plane_bytes + i;
      for (unsigned k = 0; k < 8; ++k) to[k * plane_bytes] = static_cast<std::byte>(bits >> 8 * k);
    }
  }
}

void join_bits(std::span<const std::byte> planes, std::span<std::byte> elements,
               std::size_t element_bytes) noexcept {
  const std::size_t plane_bytes = elements.size() / element_bytes / 8;
  for (std::size_t i = 0; i < plane_bytes; ++i) {
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
      const std::byte* const from = planes.data() + byte * 8 * plane_bytes + i;
      std::uint64_t bits = 0;
      for (unsigned k = 0; k < 8; ++k) {
        bits |= std::to_integer<std::uint64_t>(from[k * plane_bytes]) << 8 * k;
      }
      bits = turned(bits);
      std::byte* const to = elements.data() + i * 8 * element_bytes + byte;
      for (unsigned k = 0; k < 8; ++k)
        to[k * element_bytes] = static_cast<std::byte>(bits >> 8 * k);
    }
  }
}

}  // namespace framelog
