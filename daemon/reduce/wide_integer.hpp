#pragma once

#include <concepts>
#include <cstdint>

namespace framelog {

/// An integer of 128 bits, for processors whose compiler has none (32-bit ARM): two's complement,
/// modulo 2^128, with the operators that the reductions use and the meaning that they have for
/// __int128. Shifts are by less than 128. A double becomes the integer that it is without its
/// fraction, where that fits 128 bits; an integer the nearest double or float, ties to even.
/// Threads: any.
///
/// Always inlined: what the vector kernels use must not be emitted as a function of its own, see
/// vector_ops.hpp.
template <bool kSigned>
class WideInteger {
 public:
  WideInteger() = default;
  template <std::integral Value>
  [[gnu::always_inline]] constexpr WideInteger(Value value)  // NOLINT: converts as __int128 does
      : low_(static_cast<std::uint64_t>(value)), high_(value < Value{} ? ~std::uint64_t{0} : 0) {}
  [[gnu::always_inline]] explicit constexpr WideInteger(double value) : low_(0), high_(0) {
    const double magnitude = value < 0 ? -value : value;
    high_ = static_cast<std::uint64_t>(magnitude / kTwo64);
    low_ = static_cast<std::uint64_t>(magnitude - static_cast<double>(high_) * kTwo64);
    if (value < 0) *this = -*this;
  }
  [[gnu::always_inline]] explicit constexpr WideInteger(const WideInteger<!kSigned>& other)
      : low_(static_cast<std::uint64_t>(other)), high_(static_cast<std::uint64_t>(other >> 64U)) {}

  template <std::integral Value>
  [[gnu::always_inline]] explicit constexpr operator Value() const {
    return static_cast<Value>(low_);
  }
  template <std::floating_point Value>
  [[gnu::always_inline]] explicit constexpr operator Value() const {
    return is_negative() ? -(-*this).template rounded<Value>() : rounded<Value>();
  }

  [[gnu::always_inline]] constexpr WideInteger operator-() const {
    return {~low_ + 1, ~high_ + (low_ == 0 ? 1U : 0U)};
  }
  [[gnu::always_inline]] friend constexpr WideInteger operator+(WideInteger a, WideInteger b) {
    const std::uint64_t low = a.low_ + b.low_;
    return {low, a.high_ + b.high_ + (low < a.low_ ? 1U : 0U)};
  }
  [[gnu::always_inline]] friend constexpr WideInteger operator-(WideInteger a, WideInteger b) {
    return a + -b;
  }
  [[gnu::always_inline]] friend constexpr WideInteger operator*(WideInteger a, WideInteger b) {
    const std::uint64_t a_low = a.low_ & kLowHalf;
    const std::uint64_t b_low = b.low_ & kLowHalf;
    const std::uint64_t a_up = a.low_ >> 32U;
    const std::uint64_t b_up = b.low_ >> 32U;
    const std::uint64_t lowest = a_low * b_low;
    const std::uint64_t first = a_up * b_low + (lowest >> 32U);
    const std::uint64_t second = a_low * b_up + (first & kLowHalf);
    const std::uint64_t carried = a_up * b_up + (first >> 32U) + (second >> 32U);
    return {(second << 32U) | (lowest & kLowHalf), carried + a.low_ * b.high_ + a.high_ * b.low_};
  }
  /// Towards zero; by 0 it is whatever the machine makes of it.
  [[gnu::always_inline]] friend constexpr WideInteger operator/(WideInteger a, WideInteger b) {
    const WideInteger quotient = divided(a.magnitude(), b.magnitude());
    return a.is_negative() != b.is_negative() ? -quotient : quotient;
  }
  [[gnu::always_inline]] friend constexpr WideInteger operator%(WideInteger a, WideInteger b) {
    return a - a / b * b;
  }
  [[gnu::always_inline]] friend constexpr WideInteger operator|(WideInteger a, WideInteger b) {
    return {a.low_ | b.low_, a.high_ | b.high_};
  }
  [[gnu::always_inline]] friend constexpr WideInteger operator<<(WideInteger a, unsigned bits) {
    if (bits == 0) return a;
    if (bits >= 64) return {0, a.low_ << (bits - 64)};
    return {a.low_ << bits, (a.high_ << bits) | (a.low_ >> (64 - bits))};
  }
  [[gnu::always_inline]] friend constexpr WideInteger operator>>(WideInteger a, unsigned bits) {
    const std::uint64_t sign = a.is_negative() ? ~std::uint64_t{0} : 0;
    if (bits == 0) return a;
    if (bits == 64) return {a.high_, sign};
    if (bits > 64) return {(a.high_ >> (bits - 64)) | (sign << (128 - bits)), sign};
    return {(a.low_ >> bits) | (a.high_ << (64 - bits)), (a.high_ >> bits) | (sign << (64 - bits))};
  }
  [[gnu::always_inline]] constexpr WideInteger& operator+=(WideInteger b) {
    return *this = *this + b;
  }
  [[gnu::always_inline]] constexpr WideInteger& operator|=(WideInteger b) {
    return *this = *this | b;
  }

  [[gnu::always_inline]] friend constexpr bool operator==(WideInteger a, WideInteger b) {
    return a.low_ == b.low_ && a.high_ == b.high_;
  }
  [[gnu::always_inline]] friend constexpr bool operator!=(WideInteger a, WideInteger b) {
    return !(a == b);
  }
  [[gnu::always_inline]] friend constexpr bool operator<(WideInteger a, WideInteger b) {
    if (a.is_negative() != b.is_negative()) return a.is_negative();
    return a.high_ != b.high_ ? a.high_ < b.high_ : a.low_ < b.low_;
  }
  [[gnu::always_inline]] friend constexpr bool operator>(WideInteger a, WideInteger b) {
    return b < a;
  }
  [[gnu::always_inline]] friend constexpr bool operator<=(WideInteger a, WideInteger b) {
    return !(b < a);
  }
  [[gnu::always_inline]] friend constexpr bool operator>=(WideInteger a, WideInteger b) {
    return !(a < b);
  }

 private:
  static constexpr double kTwo64 = 0x1p64;
  static constexpr std::uint64_t kLowHalf = 0xFFFFFFFFU;

  [[gnu::always_inline]] constexpr WideInteger(std::uint64_t low, std::uint64_t high)
      : low_(low), high_(high) {}

  [[nodiscard, gnu::always_inline]] constexpr bool is_negative() const {
    return kSigned && (high_ >> 63U) != 0;
  }
  [[nodiscard, gnu::always_inline]] constexpr WideInteger magnitude() const {
    return is_negative() ? -*this : *this;
  }
  /// As if it were unsigned. 64 bits that hold the leading one, and whether there is more behind
  /// them, round as all 128 do.
  template <std::floating_point Value>
  [[nodiscard, gnu::always_inline]] constexpr Value rounded() const {
    if (high_ == 0) return static_cast<Value>(low_);
    const auto zeros = static_cast<unsigned>(__builtin_clzll(high_));
    const WideInteger leading = *this << zeros;
    const std::uint64_t sticky = leading.low_ != 0 ? 1 : 0;
    const Value scale = static_cast<Value>(std::uint64_t{1} << (63 - zeros)) * 2;
    return static_cast<Value>(leading.high_ | sticky) * scale;
  }

  /// As if they were unsigned: bit by bit from the top, where 64 bits do not hold both.
  [[nodiscard, gnu::always_inline]] static constexpr WideInteger divided(WideInteger a,
                                                                         WideInteger b) {
    if ((a.high_ | b.high_) == 0) return {a.low_ / b.low_, 0};
    WideInteger quotient(0, 0);
    WideInteger rest(0, 0);
    for (unsigned bit = 128; bit-- > 0;) {
      const bool carries = (rest.high_ >> 63U) != 0;
      rest = (rest << 1U) | WideInteger(a.bit(bit), 0);
      const bool fits =
          carries || rest.high_ > b.high_ || (rest.high_ == b.high_ && rest.low_ >= b.low_);
      if (fits) rest = rest - b;
      quotient = (quotient << 1U) | WideInteger(fits ? 1 : 0, 0);
    }
    return quotient;
  }
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t bit(unsigned number) const {
    return (number < 64 ? low_ >> number : high_ >> (number - 64)) & 1U;
  }

  std::uint64_t low_;
  std::uint64_t high_;
};

#if defined(__SIZEOF_INT128__)
// NOLINTBEGIN(modernize-use-using): an alias cannot say __extension__, which -Wpedantic wants.
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Uint128;
// NOLINTEND(modernize-use-using)
#else
using Int128 = WideInteger<true>;
using Uint128 = WideInteger<false>;
#endif

}  // namespace framelog
