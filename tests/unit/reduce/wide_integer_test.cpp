#include "reduce/wide_integer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>

#if defined(__SIZEOF_INT128__)  // What it takes the place of, where there is that.

namespace framelog {
namespace {

template <class Integer>
class WideIntegers : public testing::Test {};

template <class Native, bool kSigned>
struct Pair {
  using Builtin = Native;
  using Wide = WideInteger<kSigned>;
};
using Pairs = testing::Types<Pair<Int128, true>, Pair<Uint128, false>>;
TYPED_TEST_SUITE(WideIntegers, Pairs);

/// Of any length, so that carries, halves and signs of all kinds meet.
template <class Number>
Number any(std::mt19937_64& random) {
  const Uint128 bits = (Uint128{random()} << 64U) | random();
  const auto kind = random() % 8;
  if (kind == 0) return static_cast<Number>(0);
  if (kind == 1) return static_cast<Number>(~Uint128{0} << (random() % 128));
  const auto shifted = static_cast<Number>(bits >> (random() % 128));
  return kind < 4 ? static_cast<Number>(-shifted) : shifted;
}

template <class Wide, class Builtin>
Wide wide_of(Builtin value) {
  const auto high = static_cast<std::uint64_t>(static_cast<Uint128>(value) >> 64U);
  return (Wide(high) << 64U) | Wide(static_cast<std::uint64_t>(value));
}

TYPED_TEST(WideIntegers, CalculateAsTheCompilersOwn) {
  using Builtin = typename TypeParam::Builtin;
  using Wide = typename TypeParam::Wide;
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    // Without a sign nothing of them is undefined.
    const auto a = any<Uint128>(random);
    const auto b = any<Uint128>(random);
    const auto shift = static_cast<unsigned>(random() % 128);
    const auto wide_a = wide_of<Wide>(a);
    const auto wide_b = wide_of<Wide>(b);
    const auto expect = [](Uint128 expected, Wide calculated) {
      ASSERT_TRUE(wide_of<Wide>(expected) == calculated);
    };
    expect(a + b, wide_a + wide_b);
    expect(a - b, wide_a - wide_b);
    expect(a * b, wide_a * wide_b);
    expect(a | b, wide_a | wide_b);
    expect(-a, -wide_a);
    expect(a << shift, wide_a << shift);
    expect(static_cast<Uint128>(static_cast<Builtin>(a) >> shift), wide_a >> shift);
    ASSERT_EQ(static_cast<Builtin>(a) < static_cast<Builtin>(b), wide_a < wide_b);
    ASSERT_EQ(static_cast<Builtin>(a) >= static_cast<Builtin>(b), wide_a >= wide_b);
    ASSERT_EQ(static_cast<Builtin>(a) > static_cast<Builtin>(b), wide_a > wide_b);
    ASSERT_EQ(static_cast<Builtin>(a) <= static_cast<Builtin>(b), wide_a <= wide_b);
    ASSERT_EQ(a == b, wide_a == wide_b);
    ASSERT_EQ(a != b, wide_a != wide_b);
  }
}

TYPED_TEST(WideIntegers, DivideAsTheCompilersOwn) {
  using Builtin = typename TypeParam::Builtin;
  using Wide = typename TypeParam::Wide;
  std::mt19937_64 random(2);
  for (int i = 0; i < 50'000; ++i) {
    const auto a = static_cast<Builtin>(any<Uint128>(random));
    const auto b = static_cast<Builtin>(any<Uint128>(random));
    if (b == 0 || b == static_cast<Builtin>(-1)) continue;
    ASSERT_TRUE(wide_of<Wide>(a / b) == wide_of<Wide>(a) / wide_of<Wide>(b));
    ASSERT_TRUE(wide_of<Wide>(a % b) == wide_of<Wide>(a) % wide_of<Wide>(b));
  }
}

TYPED_TEST(WideIntegers, BecomeFloatsAsTheCompilersOwn) {
  using Builtin = typename TypeParam::Builtin;
  using Wide = typename TypeParam::Wide;
  std::mt19937_64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    const auto value = static_cast<Builtin>(any<Uint128>(random));
    ASSERT_EQ(static_cast<double>(value), static_cast<double>(wide_of<Wide>(value)));
    ASSERT_EQ(static_cast<float>(value), static_cast<float>(wide_of<Wide>(value)));
  }
  // Halfway between two doubles, and one beside it.
  const Uint128 half = (Uint128{1} << 100U) + (Uint128{1} << 47U);
  for (const Uint128 value : {half - 1, half, half + 1, half + (Uint128{1} << 48U)}) {
    ASSERT_EQ(static_cast<double>(value), static_cast<double>(wide_of<Wide>(value)));
  }
}

TEST(WideInteger, IsMadeOfNumbersOfEverySignAndSize) {
  using Signed = WideInteger<true>;
  for (const double value : {0.0, 1.0, -1.0, 0x1p65, -0x1p65, 0x1.8p64, 255.0, -0x1.23456789p63}) {
    EXPECT_TRUE(wide_of<Signed>(static_cast<Int128>(value)) == Signed(value)) << value;
  }
  for (const std::int64_t value : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
    EXPECT_TRUE(wide_of<Signed>(Int128{value}) == Signed(value)) << value;
    EXPECT_EQ(static_cast<std::int64_t>(Signed(value)), value);
  }
  EXPECT_TRUE(Signed(-1) < 0);
  EXPECT_TRUE(WideInteger<false>(Signed(-1)) ==
              ~std::uint64_t{0} * (WideInteger<false>(1) << 64U) + ~std::uint64_t{0});
}

}  // namespace
}  // namespace framelog

#endif
