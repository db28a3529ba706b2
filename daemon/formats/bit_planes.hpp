#pragma once

#include <cstddef>
#include <span>

/// Other orders of the same bytes, in which the codecs find more. The two spans have one size, a
/// whole number of elements, and do not overlap. Nothing is allocated. Threads: any.
namespace framelog {

/// First the first bytes of all elements, then the second bytes, and so on, as HDF5's shuffle
/// filter.
void shuffle_bytes(std::span<const std::byte> elements, std::span<std::byte> shuffled,
                   std::size_t element_bytes) noexcept;
void unshuffle_bytes(std::span<const std::byte> shuffled, std::span<std::byte> elements,
                     std::size_t element_bytes) noexcept;

/// First the lowest bits of the first bytes of all elements, eight to a byte from the lowest up,
/// then the bits above them, and so on, as bitshuffle has a block
/// (https://github.com/kiyo-masui/bitshuffle). The number of elements is a multiple of 8.
void split_bits(std::span<const std::byte> elements, std::span<std::byte> planes,
                std::size_t element_bytes) noexcept;
void join_bits(std::span<const std::byte> planes, std::span<std::byte> elements,
               std::size_t element_bytes) noexcept;

}  // namespace framelog
