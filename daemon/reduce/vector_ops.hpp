#pragma once

// The vocabulary of the vector kernels, compiled once per instruction set: the including .cpp
// defines FRAMELOG_KERNELS (a namespace of its own) and FRAMELOG_VECTOR_BYTES. Everything has
// internal linkage and calls no inline function or template of another header: the linker keeps one
// copy of those for the whole program, and it must not be the one that needs AVX2.

#include <cstddef>
#include <cstdint>

#if defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace framelog::FRAMELOG_KERNELS {
namespace {

constexpr std::size_t kVectorBytes = FRAMELOG_VECTOR_BYTES;
constexpr std::size_t kCacheLineBytes = 64;
/// How far ahead of the arithmetic memory is asked for: one and two rows of 1024 uint16 did less.
constexpr std::size_t kPrefetchBytes = 3072;
/// Vectors between two flushes of narrow sums: 128 pairs of uint8 fit 16 bits.
constexpr std::size_t kVectorsPerFlush = 128;

using U8 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::uint8_t;
using U16 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::uint16_t;
using U32 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::uint32_t;
using U64 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::uint64_t;
using I16 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::int16_t;
using I32 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::int32_t;
using I64 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = std::int64_t;
using F32 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = float;
using F64 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES)]] = double;
// Half vectors: what widens to a whole one.
using HalfU8 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES / 2)]] = std::uint8_t;
using HalfU16 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES / 2)]] = std::uint16_t;
using HalfU32 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES / 2)]] = std::uint32_t;
using HalfF32 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES / 2)]] = float;
using QuarterU8 [[gnu::vector_size(FRAMELOG_VECTOR_BYTES / 4)]] = std::uint8_t;

#define FRAMELOG_INLINE [[gnu::always_inline]] inline

template <class Value>
FRAMELOG_INLINE Value load(const std::byte* from) {
  Value value;
  __builtin_memcpy(&value, from, sizeof(Value));
  return value;
}

template <class Value>
FRAMELOG_INLINE void store(std::byte* to, const Value& value) {
  __builtin_memcpy(to, &value, sizeof(Value));
}

/// Asks for the memory that the walk over the rows comes to next, read or written: the arithmetic
/// keeps the processor from looking far enough ahead by itself, and half of the bandwidth was lost.
/// Never faults, not even past the frame.
FRAMELOG_INLINE void prefetch_ahead(const std::byte* at) {
  __builtin_prefetch(at + kPrefetchBytes);
}

/// The vector types of an unsigned pixel type, and of twice its width.
template <class Pixel>
struct Lanes;
template <>
struct Lanes<std::uint8_t> {
  using Vector = U8;
  using Wide = U16;
  using Half = HalfU8;
  using WidePixel = std::uint16_t;
};
template <>
struct Lanes<std::uint16_t> {
  using Vector = U16;
  using Wide = U32;
  using Half = HalfU16;
  using WidePixel = std::uint32_t;
};
template <>
struct Lanes<std::uint32_t> {
  using Vector = U32;
  using Wide = U64;
  using Half = HalfU32;
  using WidePixel = std::uint64_t;
};
template <>
struct Lanes<std::uint64_t> {
  using Vector = U64;
};

// Every lane in one of twice the width (or four times). g++ 12 does it lane by lane on ARM where it
// is not told of the instruction.
#if defined(__ARM_NEON)
FRAMELOG_INLINE U16 widened_lanes(HalfU8 v) {
  return reinterpret_cast<U16>(vmovl_u8(reinterpret_cast<uint8x8_t>(v)));
}
FRAMELOG_INLINE U32 widened_lanes(HalfU16 v) {
  return reinterpret_cast<U32>(vmovl_u16(reinterpret_cast<uint16x4_t>(v)));
}
FRAMELOG_INLINE U64 widened_lanes(HalfU32 v) {
  return reinterpret_cast<U64>(vmovl_u32(reinterpret_cast<uint32x2_t>(v)));
}
FRAMELOG_INLINE U32 widened_lanes(QuarterU8 v) {
  const auto bytes = vreinterpret_u8_u32(vdup_n_u32(reinterpret_cast<std::uint32_t>(v)));
  return reinterpret_cast<U32>(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}
#else
FRAMELOG_INLINE U16 widened_lanes(HalfU8 v) { return __builtin_convertvector(v, U16); }
FRAMELOG_INLINE U32 widened_lanes(HalfU16 v) { return __builtin_convertvector(v, U32); }
FRAMELOG_INLINE U64 widened_lanes(HalfU32 v) { return __builtin_convertvector(v, U64); }
FRAMELOG_INLINE U32 widened_lanes(QuarterU8 v) { return __builtin_convertvector(v, U32); }
#endif
// 32-bit ARM has no vectors of doubles, whichever way it is written.
#if defined(__aarch64__)
FRAMELOG_INLINE F64 widened_lanes(HalfF32 v) {
  return reinterpret_cast<F64>(vcvt_f64_f32(reinterpret_cast<float32x2_t>(v)));
}
FRAMELOG_INLINE HalfF32 narrowed_lanes(F64 v) {
  return reinterpret_cast<HalfF32>(vcvt_f32_f64(reinterpret_cast<float64x2_t>(v)));
}
#else
FRAMELOG_INLINE F64 widened_lanes(HalfF32 v) { return __builtin_convertvector(v, F64); }
FRAMELOG_INLINE HalfF32 narrowed_lanes(F64 v) { return __builtin_convertvector(v, HalfF32); }
#endif

/// Sums of neighbours: lanes 0 + 1, 2 + 3, ... as lanes of twice the width.
FRAMELOG_INLINE U16 fold(U8 v) {
#if defined(__AVX2__)
  using Bytes [[gnu::vector_size(32)]] = char;
  using Words [[gnu::vector_size(32)]] = short;
  return reinterpret_cast<U16>(static_cast<Words>(
      __builtin_ia32_pmaddubsw256(reinterpret_cast<Bytes>(v), reinterpret_cast<Bytes>(U8{} + 1))));
#elif defined(__ARM_NEON)
  return reinterpret_cast<U16>(vpaddlq_u8(reinterpret_cast<uint8x16_t>(v)));
#else
  const U16 w = reinterpret_cast<U16>(v);
  return (w & 0xFFU) + (w >> 8U);
#endif
}
FRAMELOG_INLINE U32 fold(U16 v) {
#if defined(__ARM_NEON)
  return reinterpret_cast<U32>(vpaddlq_u16(reinterpret_cast<uint16x8_t>(v)));
#else
  const U32 w = reinterpret_cast<U32>(v);
  return (w & 0xFFFFU) + (w >> 16U);
#endif
}
FRAMELOG_INLINE U64 fold(U32 v) {
#if defined(__ARM_NEON)
  return reinterpret_cast<U64>(vpaddlq_u32(reinterpret_cast<uint32x4_t>(v)));
#else
  const U64 w = reinterpret_cast<U64>(v);
  return (w & 0xFFFFFFFFU) + (w >> 32U);
#endif
}

/// a0 * b0 + a1 * b1, ... modulo 2^32.
FRAMELOG_INLINE U32 multiply_add_pairs(I16 a, I16 b) {
#if defined(__AVX2__)
  return reinterpret_cast<U32>(__builtin_ia32_pmaddwd256(a, b));
#elif defined(__SSE2__)
  return reinterpret_cast<U32>(__builtin_ia32_pmaddwd128(a, b));
#elif defined(__ARM_NEON)
  const auto first = reinterpret_cast<int16x8_t>(a);
  const auto second = reinterpret_cast<int16x8_t>(b);
  const int32x4_t low = vmull_s16(vget_low_s16(first), vget_low_s16(second));
  const int32x4_t high = vmull_s16(vget_high_s16(first), vget_high_s16(second));
#if defined(__aarch64__)
  return reinterpret_cast<U32>(vpaddq_s32(low, high));
#else
  return reinterpret_cast<U32>(vcombine_s32(vpadd_s32(vget_low_s32(low), vget_high_s32(low)),
                                            vpadd_s32(vget_low_s32(high), vget_high_s32(high))));
#endif
#else
  const I32 wide_a = reinterpret_cast<I32>(a);
  const I32 wide_b = reinterpret_cast<I32>(b);
  const U32 even =
      reinterpret_cast<U32>((wide_a << 16) >> 16) * reinterpret_cast<U32>((wide_b << 16) >> 16);
  return even + reinterpret_cast<U32>(wide_a >> 16) * reinterpret_cast<U32>(wide_b >> 16);
#endif
}

/// Of 64-bit lanes; as above, on 32-bit ARM.
FRAMELOG_INLINE U64 high_halves(U64 v) {
#if defined(__arm__)
  return reinterpret_cast<U64>(vshrq_n_u64(reinterpret_cast<uint64x2_t>(v), 32));
#else
  return v >> 32U;
#endif
}

/// Squares of the low halves of 64-bit lanes.
FRAMELOG_INLINE U64 square_low_halves(U64 v) {
#if defined(__AVX2__)
  return reinterpret_cast<U64>(
      __builtin_ia32_pmuludq256(reinterpret_cast<I32>(v), reinterpret_cast<I32>(v)));
#elif defined(__SSE2__)
  return reinterpret_cast<U64>(
      __builtin_ia32_pmuludq128(reinterpret_cast<I32>(v), reinterpret_cast<I32>(v)));
#elif defined(__ARM_NEON)
  const uint32x2_t low = vmovn_u64(reinterpret_cast<uint64x2_t>(v));
  return reinterpret_cast<U64>(vmull_u32(low, low));
#else
  return (v & 0xFFFFFFFFU) * (v & 0xFFFFFFFFU);
#endif
}

// The second where one is NaN.
template <class Vector>
FRAMELOG_INLINE Vector lesser(Vector a, Vector b) {
  return a < b ? a : b;
}

template <class Vector>
FRAMELOG_INLINE Vector greater(Vector a, Vector b) {
  return a > b ? a : b;
}

/// Lanes of `vector`, added up as `Sum`.
template <class Sum, class Lane, class Vector>
FRAMELOG_INLINE Sum sum_of_lanes(const Vector& vector) {
  Sum sum{};
  for (std::size_t i = 0; i < sizeof(Vector) / sizeof(Lane); ++i)
    sum += static_cast<Sum>(vector[i]);
  return sum;
}

FRAMELOG_INLINE U64 widened(U8 counts) { return fold(fold(fold(counts))); }
FRAMELOG_INLINE U64 widened(U16 counts) { return fold(fold(counts)); }
FRAMELOG_INLINE U64 widened(U32 counts) { return fold(counts); }

}  // namespace
}  // namespace framelog::FRAMELOG_KERNELS
