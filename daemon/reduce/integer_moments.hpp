#pragma once

// What the integer kernels gather beside the pixels: saturated source pixels, and the moments of
// the output. Vectors take whole vectors, add_pixel() the rest of a row; flush() is due after every
// kVectorsPerFlush vectors.

#include "reduce/kernel.hpp"
#include "reduce/vector_ops.hpp"

namespace framelog::FRAMELOG_KERNELS {
namespace {

/// Counts the pixels at or above a threshold.
template <class Pixel>
class SaturationCounter {
 public:
  using Vector = typename Lanes<Pixel>::Vector;

  explicit SaturationCounter(const KernelJob& job) : reachable_(job.saturation <= kMost) {
    if (reachable_ && job.saturation > 0) threshold_ = static_cast<Pixel>(job.saturation);
    thresholds_ = Vector{} + threshold_;
  }

  FRAMELOG_INLINE void add(Vector v) {
    counts_ -= reinterpret_cast<Vector>(greater(v, thresholds_) == v);
  }
  FRAMELOG_INLINE void add_pixel(Pixel pixel) { single_ += pixel >= threshold_ ? 1U : 0U; }
  FRAMELOG_INLINE void flush() {
    totals_ += widened(counts_);
    counts_ = Vector{};
  }

  [[nodiscard]] std::uint64_t total() const {
    return reachable_ ? single_ + sum_of_lanes<std::uint64_t, std::uint64_t>(totals_) : 0;
  }

 private:
  static constexpr Pixel kMost = static_cast<Pixel>(~Pixel{0});
  bool reachable_;
  Pixel threshold_{};
  std::uint64_t single_{};
  Vector thresholds_{};
  Vector counts_{};
  U64 totals_{};
};

/// The part that all moments share: what came one by one, and the least and greatest.
struct SingleMoments {
  std::uint64_t least{~std::uint64_t{0}};
  std::uint64_t greatest{};
  Uint128 sum{};
  Uint128 squares{};

  FRAMELOG_INLINE void add(std::uint64_t pixel) {
    least = pixel < least ? pixel : least;
    greatest = pixel > greatest ? pixel : greatest;
    sum += pixel;
    squares += Uint128{pixel} * pixel;
  }
  FRAMELOG_INLINE void bound(std::uint64_t low, std::uint64_t high) {
    least = low < least ? low : least;
    greatest = high > greatest ? high : greatest;
  }
  [[nodiscard]] IntegerMoments exact(std::uint64_t count) const {
    IntegerMoments moments;
    moments.count = count;
    moments.min = least;
    moments.max = greatest;
    moments.sum = static_cast<Int128>(sum);
    moments.squares = squares;
    return moments;
  }
};

/// Moments of pixels of one type. kSmall: all of them are below 2^24.
template <class Pixel, bool kSmall>
class Moments;

template <bool kSmall>
class Moments<std::uint8_t, kSmall> {
 public:
  static constexpr bool kObserves = true;
  FRAMELOG_INLINE void add(U8 v) {
    const U16 even = reinterpret_cast<U16>(v) & 0xFFU;
    const U16 odd = reinterpret_cast<U16>(v) >> 8U;
    least_ = lesser(v, least_);
    greatest_ = greater(v, greatest_);
    sums_ += even + odd;
    squares_ += square_pairs(even) + square_pairs(odd);
  }
  FRAMELOG_INLINE void add_pixel(std::uint8_t pixel) { single_.add(pixel); }
  FRAMELOG_INLINE void flush() {
    all_sums_ += widened(sums_);
    all_squares_ += widened(squares_);
    sums_ = U16{};
    squares_ = U32{};
  }
  [[nodiscard]] IntegerMoments exact(std::uint64_t count) const {
    SingleMoments total = single_;
    for (std::size_t i = 0; i < sizeof(U8); ++i) total.bound(least_[i], greatest_[i]);
    total.sum += sum_of_lanes<std::uint64_t, std::uint64_t>(all_sums_);
    total.squares += sum_of_lanes<std::uint64_t, std::uint64_t>(all_squares_);
    return total.exact(count);
  }

 private:
  FRAMELOG_INLINE static U32 square_pairs(U16 v) {
    return multiply_add_pairs(reinterpret_cast<I16>(v), reinterpret_cast<I16>(v));
  }
  SingleMoments single_;
  U8 least_ = ~U8{};
  U8 greatest_{};
  U16 sums_{};
  U32 squares_{};
  U64 all_sums_{};
  U64 all_squares_{};
};

/// Gathered of x = pixel - 2^15, because processors multiply and compare signed 16-bit lanes.
template <bool kSmall>
class Moments<std::uint16_t, kSmall> {
 public:
  static constexpr bool kObserves = true;
  FRAMELOG_INLINE void add(U16 v) {
    const I16 x = reinterpret_cast<I16>(v ^ kOffset);
    const U64 squares = reinterpret_cast<U64>(multiply_add_pairs(x, x));
    least_ = lesser(x, least_);
    greatest_ = greater(x, greatest_);
    sums_ += reinterpret_cast<I32>(multiply_add_pairs(x, I16{} + 1));
    squares_ += squares;
    odd_squares_ += high_halves(squares);
    vectors_ += 1;
  }
  FRAMELOG_INLINE void add_pixel(std::uint16_t pixel) { single_.add(pixel); }
  FRAMELOG_INLINE void flush() {
    signed_sum_ += sum_of_lanes<std::int64_t, std::int32_t>(sums_);
    sums_ = I32{};
  }
  [[nodiscard]] IntegerMoments exact(std::uint64_t count) const {
    SingleMoments total = single_;
    for (std::size_t i = 0; i < kLanes && vectors_ > 0; ++i) {
      total.bound(static_cast<std::uint16_t>(least_[i] + kOffset),
                  static_cast<std::uint16_t>(greatest_[i] + kOffset));
    }
    const Int128 offset = kOffset;
    const Int128 pixels = Int128{vectors_} * Int128{kLanes};
    const U64 even_squares = squares_ - (odd_squares_ << 32U);
    const auto squares = static_cast<Int128>(sum_of_lanes<Uint128, std::uint64_t>(even_squares) +
                                             sum_of_lanes<Uint128, std::uint64_t>(odd_squares_));
    total.sum += static_cast<Uint128>(signed_sum_ + offset * pixels);
    total.squares +=
        static_cast<Uint128>(squares + 2 * offset * signed_sum_ + offset * offset * pixels);
    return total.exact(count);
  }

 private:
  static constexpr std::uint16_t kOffset = 0x8000;
  static constexpr std::size_t kLanes = sizeof(U16) / sizeof(std::uint16_t);
  SingleMoments single_;
  std::uint64_t vectors_{};
  std::int64_t signed_sum_{};
  I16 least_ = I16{} + std::int16_t{0x7FFF};
  I16 greatest_ = ~I16{} - std::int16_t{0x7FFF};
  I32 sums_{};
  U64 squares_{};  ///< Of pairs, modulo 2^64: even + 2^32 * odd.
  U64 odd_squares_{};
};

template <bool kSmall>
class Moments<std::uint32_t, kSmall> {
 public:
  static constexpr bool kObserves = true;
  FRAMELOG_INLINE void add(U32 v) {
    const U64 pairs = reinterpret_cast<U64>(v);
    const U64 odd = high_halves(pairs);
    least_ = lesser(v, least_);
    greatest_ = greater(v, greatest_);
    sums_ += pairs;
    odd_sums_ += odd;
    add_squares(square_low_halves(pairs));
    add_squares(square_low_halves(odd));
  }
  FRAMELOG_INLINE void add_pixel(std::uint32_t pixel) { single_.add(pixel); }
  FRAMELOG_INLINE void flush() {
    // The high halves were counted apart, what `squares_` lost beyond 64 bits with them.
    const U64 low_squares = squares_ - (high_squares_ << 32U);
    single_.squares += sum_of_lanes<Uint128, std::uint64_t>(low_squares);
    if constexpr (!kSmall) {
      single_.squares += sum_of_lanes<Uint128, std::uint64_t>(high_squares_) << 32U;
    }
    squares_ = high_squares_ = U64{};
  }
  [[nodiscard]] IntegerMoments exact(std::uint64_t count) const {
    SingleMoments total = single_;
    for (std::size_t i = 0; i < sizeof(U32) / sizeof(std::uint32_t); ++i) {
      total.bound(least_[i], greatest_[i]);
    }
    const U64 even_sums = sums_ - (odd_sums_ << 32U);
    total.sum += sum_of_lanes<std::uint64_t, std::uint64_t>(even_sums);
    total.sum += sum_of_lanes<std::uint64_t, std::uint64_t>(odd_sums_);
    return total.exact(count);
  }

 private:
  FRAMELOG_INLINE void add_squares(U64 squares) {
    squares_ += squares;
    if constexpr (!kSmall) high_squares_ += high_halves(squares);
  }
  SingleMoments single_;
  U32 least_ = ~U32{};
  U32 greatest_{};
  U64 sums_{};  ///< Of pairs, modulo 2^64: even + 2^32 * odd.
  U64 odd_sums_{};
  U64 squares_{};
  U64 high_squares_{};
};

/// No instruction squares 64-bit lanes: sums of uint32 go one by one.
template <bool kSmall>
class Moments<std::uint64_t, kSmall> {
 public:
  static constexpr bool kObserves = true;
  FRAMELOG_INLINE void add(U64 v) {
    for (std::size_t i = 0; i < sizeof(U64) / sizeof(std::uint64_t); ++i) single_.add(v[i]);
  }
  FRAMELOG_INLINE void add_pixel(std::uint64_t pixel) { single_.add(pixel); }
  FRAMELOG_INLINE void flush() {}
  [[nodiscard]] IntegerMoments exact(std::uint64_t count) const { return single_.exact(count); }

 private:
  SingleMoments single_;
};

}  // namespace
}  // namespace framelog::FRAMELOG_KERNELS
