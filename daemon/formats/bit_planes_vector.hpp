#pragma once

// The vector kernels, compiled once per instruction set: the including .cpp defines
// FRAMELOG_KERNELS (a namespace of its own) and FRAMELOG_VECTOR_BYTES (16 or 32). Everything has
// internal linkage and calls no inline function or template of another header: the linker keeps one
// copy of those for the whole program, and it must not be the one that needs AVX2.
//
// All is made of one step: of two vectors of bytes the even and the odd ones. Of n vectors, n a
// power of two, log2(n) rounds of it take elements of n bytes apart, as a perfect shuffle of cards.
// Bits are split by the same: eight bytes, one of each of eight elements, are turned about the
// diagonal as a matrix of 8 x 8 bits, and are then elements of eight bytes.

#include <cstddef>
#include <cstdint>

#include "formats/bit_planes_kernel.hpp"

#if defined(__arm__)
#include <arm_neon.h>
#endif

#define FRAMELOG_INLINE [[gnu::always_inline]] inline

namespace framelog::bit_planes::FRAMELOG_KERNELS {
namespace {

constexpr std::size_t kVectorBytes = FRAMELOG_VECTOR_BYTES;
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a word's byte 0 is its lowest");

using Bytes [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::uint8_t;
using Words [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::uint64_t;

FRAMELOG_INLINE void load(Bytes& to, const std::byte* from) {
  __builtin_memcpy(&to, from, kVectorBytes);
}
FRAMELOG_INLINE void store(std::byte* to, const Bytes& from) {
  __builtin_memcpy(to, &from, kVectorBytes);
}

/// even: bytes 0, 2, 4 ... of `first` and then of `second`; odd: bytes 1, 3, 5 ...
FRAMELOG_INLINE void unzip(const Bytes& first, const Bytes& second, Bytes& even, Bytes& odd) {
#if FRAMELOG_VECTOR_BYTES == 16
  even = __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
                                 28, 30);
  odd = __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27,
                                29, 31);
#else
  even =
      __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                              30, 32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62);
  odd =
      __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29,
                              31, 33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63);
#endif
}

/// unzip() undone.
FRAMELOG_INLINE void zip(const Bytes& even, const Bytes& odd, Bytes& first, Bytes& second) {
#if FRAMELOG_VECTOR_BYTES == 16
  first =
      __builtin_shufflevector(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  second = __builtin_shufflevector(even, odd, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30,
                                   15, 31);
#else
  first = __builtin_shufflevector(even, odd, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39,
                                  8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47);
  second =
      __builtin_shufflevector(even, odd, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23,
                              55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63);
#endif
}

/// Of elements of `kCount` bytes in so many vectors: vector k becomes all of their bytes k.
template <std::size_t kCount>
FRAMELOG_INLINE void take_apart(Bytes (&vectors)[kCount]) {
  for (std::size_t round = 1; round < kCount; round *= 2) {
    Bytes next[kCount];
    for (std::size_t i = 0; i < kCount / 2; ++i) {
      unzip(vectors[2 * i], vectors[2 * i + 1], next[i], next[i + kCount / 2]);
    }
    for (std::size_t i = 0; i < kCount; ++i) vectors[i] = next[i];
  }
}

template <std::size_t kCount>
FRAMELOG_INLINE void put_together(Bytes (&vectors)[kCount]) {
  for (std::size_t round = 1; round < kCount; round *= 2) {
    Bytes next[kCount];
    for (std::size_t i = 0; i < kCount / 2; ++i) {
      zip(vectors[i], vectors[i + kCount / 2], next[2 * i], next[2 * i + 1]);
    }
    for (std::size_t i = 0; i < kCount; ++i) vectors[i] = next[i];
  }
}

/// Words times 2^places; g++ 12 does it word by word on 32-bit ARM where it is not told of NEON.
FRAMELOG_INLINE Words shifted(const Words& bits, int places) {
#if defined(__arm__)
  return reinterpret_cast<Words>(
      vshlq_u64(reinterpret_cast<uint64x2_t>(bits), vdupq_n_s64(places)));
#else
  return places < 0 ? bits >> -places : bits << places;
#endif
}

FRAMELOG_INLINE void swap_bits(Words& bits, int distance, std::uint64_t mask) {
  const Words differing = (bits ^ shifted(bits, -distance)) & mask;
  bits ^= differing ^ shifted(differing, distance);
}

/// Every eight bytes about their diagonal: bit k of byte i goes to bit i of byte k.
FRAMELOG_INLINE void turn(Bytes& bytes) {
  Words bits = reinterpret_cast<Words>(bytes);
  swap_bits(bits, 7, 0x00AA00AA00AA00AAU);
  swap_bits(bits, 14, 0x0000CCCC0000CCCCU);
  swap_bits(bits, 28, 0x00000000F0F0F0F0U);
  bytes = reinterpret_cast<Bytes>(bits);
}

template <std::size_t kElementBytes>
std::size_t shuffle(const std::byte* from, std::byte* to, std::size_t count) noexcept {
  const std::size_t whole = count / kVectorBytes * kVectorBytes;
  for (std::size_t at = 0; at < whole; at += kVectorBytes) {
    Bytes vectors[kElementBytes];
    for (std::size_t i = 0; i < kElementBytes; ++i) {
      load(vectors[i], from + at * kElementBytes + i * kVectorBytes);
    }
    take_apart(vectors);
    for (std::size_t i = 0; i < kElementBytes; ++i) store(to + i * count + at, vectors[i]);
  }
  return whole;
}

template <std::size_t kElementBytes>
std::size_t unshuffle(const std::byte* from, std::byte* to, std::size_t count) noexcept {
  const std::size_t whole = count / kVectorBytes * kVectorBytes;
  for (std::size_t at = 0; at < whole; at += kVectorBytes) {
    Bytes vectors[kElementBytes];
    for (std::size_t i = 0; i < kElementBytes; ++i) load(vectors[i], from + i * count + at);
    put_together(vectors);
    for (std::size_t i = 0; i < kElementBytes; ++i) {
      store(to + at * kElementBytes + i * kVectorBytes, vectors[i]);
    }
  }
  return whole;
}

// Bits are split in groups of eight vectors for each byte of an element.
constexpr std::size_t kGroup = 8 * kVectorBytes;

template <std::size_t kElementBytes>
std::size_t split(const std::byte* from, std::byte* to, std::size_t count) noexcept {
  const std::size_t plane_bytes = count / 8;
  const std::size_t whole = count / kGroup * kGroup;
  for (std::size_t at = 0; at < whole; at += kGroup) {
    Bytes planes[kElementBytes][8];
    for (std::size_t k = 0; k < 8; ++k) {
      Bytes vectors[kElementBytes];
      for (std::size_t i = 0; i < kElementBytes; ++i) {
        load(vectors[i], from + at * kElementBytes + (k * kElementBytes + i) * kVectorBytes);
      }
      take_apart(vectors);
      for (std::size_t i = 0; i < kElementBytes; ++i) planes[i][k] = vectors[i];
    }
    for (std::size_t i = 0; i < kElementBytes; ++i) {
      for (std::size_t k = 0; k < 8; ++k) turn(planes[i][k]);
      take_apart(planes[i]);
      for (std::size_t k = 0; k < 8; ++k)
        store(to + (8 * i + k) * plane_bytes + at / 8, planes[i][k]);
    }
  }
  return whole;
}

template <std::size_t kElementBytes>
std::size_t join(const std::byte* from, std::byte* to, std::size_t count) noexcept {
  const std::size_t plane_bytes = count / 8;
  const std::size_t whole = count / kGroup * kGroup;
  for (std::size_t at = 0; at < whole; at += kGroup) {
    Bytes planes[kElementBytes][8];
    for (std::size_t i = 0; i < kElementBytes; ++i) {
      for (std::size_t k = 0; k < 8; ++k)
        load(planes[i][k], from + (8 * i + k) * plane_bytes + at / 8);
      put_together(planes[i]);
      for (std::size_t k = 0; k < 8; ++k) turn(planes[i][k]);
    }
    for (std::size_t k = 0; k < 8; ++k) {
      Bytes vectors[kElementBytes];
      for (std::size_t i = 0; i < kElementBytes; ++i) vectors[i] = planes[i][k];
      put_together(vectors);
      for (std::size_t i = 0; i < kElementBytes; ++i) {
        store(to + at * kElementBytes + (k * kElementBytes + i) * kVectorBytes, vectors[i]);
      }
    }
  }
  return whole;
}

#define FRAMELOG_FOR_ELEMENTS(function)                               \
  [](const std::byte* from, std::byte* to, std::size_t element_bytes, \
     std::size_t count) noexcept {                                    \
    if (element_bytes == 1) return function<1>(from, to, count);      \
    if (element_bytes == 2) return function<2>(from, to, count);      \
    if (element_bytes == 4) return function<4>(from, to, count);      \
    if (element_bytes == 8) return function<8>(from, to, count);      \
    return std::size_t{0};                                            \
  }

constexpr Kernels kKernels{FRAMELOG_FOR_ELEMENTS(shuffle), FRAMELOG_FOR_ELEMENTS(unshuffle),
                           FRAMELOG_FOR_ELEMENTS(split), FRAMELOG_FOR_ELEMENTS(join)};

}  // namespace
}  // namespace framelog::bit_planes::FRAMELOG_KERNELS
