#include "reduce/combination.hpp"

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "reduce/pixel.hpp"
#include "reduce/statistics.hpp"

namespace framelog {
namespace {

/// Quotient rounded half away from zero. Remainders of up to kMostAccumulated cannot overflow.
template <class Sum>
Sum rounded_quotient(Sum sum, std::uint32_t frames) {
  const auto count = static_cast<Sum>(frames);
  const auto quotient = static_cast<Sum>(sum / count);
  const auto rest = static_cast<Sum>(sum % count);
  if constexpr (std::is_signed_v<Sum>) {
    if (-rest >= count - count / 2) return quotient - 1;
  }
  return rest >= count - count / 2 ? static_cast<Sum>(quotient + 1) : quotient;
}

template <class Pixel>
struct Fitted {
  Pixel pixel{};
  bool cut_off{};
};

/// Groups of more frames than the plan has are no reason to wrap.
template <class Pixel, class Sum>
Fitted<Pixel> fitted(Sum value) {
  if constexpr (std::is_integral_v<Pixel> && sizeof(Sum) > sizeof(std::uint64_t)) {
    if (value > std::numeric_limits<std::uint64_t>::max()) {
      return {std::numeric_limits<Pixel>::max(), true};
    }
    return fitted<Pixel>(static_cast<std::uint64_t>(value));
  } else if constexpr (std::is_integral_v<Pixel>) {
    if (std::cmp_greater(value, std::numeric_limits<Pixel>::max())) {
      return {std::numeric_limits<Pixel>::max(), true};
    }
    if (std::cmp_less(value, std::numeric_limits<Pixel>::min())) {
      return {std::numeric_limits<Pixel>::min(), true};
    }
  }
  return {static_cast<Pixel>(value), false};
}

}  // namespace

template <class Sum, class Pixel>
std::uint64_t Combination::combine_integers(const Job& job, std::byte* to) noexcept {
  std::uint64_t clipped = 0;
  for (std::size_t i = 0; i < job.width; ++i) {
    const auto sum = load_pixel<Sum>(job.sums, i);
    const auto result = fitted<Pixel>(rounded_quotient(sum, job.frames));
    clipped += result.cut_off ? 1U : 0U;
    store_pixel(to, i, result.pixel);
  }
  return clipped;
}

template <class Pixel>
std::uint64_t Combination::combine_floats(const Job& job, std::byte* to) noexcept {
  std::uint64_t clipped = 0;
  for (std::size_t i = 0; i < job.width; ++i) {
    const auto sum = load_pixel<double>(job.sums, i);
    const auto count = load_pixel<std::uint16_t>(job.counts, i);
    const double value = job.frames == 0 ? sum / count : sum;
    const auto pixel = static_cast<Pixel>(value);
    clipped += std::isinf(pixel) && !std::isinf(sum) ? 1U : 0U;
    store_pixel(to, i, count == 0 ? std::numeric_limits<Pixel>::quiet_NaN() : pixel);
  }
  return clipped;
}

Combination::Combination(const ReductionPlan& plan) noexcept
    : mean_(plan.accumulate_mode == AccumulateMode::kMean), width_(plan.binned.width_px) {
  const PixelType input = plan.binned.type;
  const bool wide = size_bytes(input) > 2;
  with_pixel_type(plan.combined.type, [&]<class Pixel>(std::type_identity<Pixel>) {
    if (is_float(input)) {
      if constexpr (std::is_floating_point_v<Pixel>) combine_ = combine_floats<Pixel>;
    } else if (is_signed(input)) {
      combine_ =
          wide ? combine_integers<std::int64_t, Pixel> : combine_integers<std::int32_t, Pixel>;
    } else if (input == PixelType::kUint64) {
      combine_ = combine_integers<Uint128, Pixel>;
    } else {
      combine_ =
          wide ? combine_integers<std::uint64_t, Pixel> : combine_integers<std::uint32_t, Pixel>;
    }
  });
}

std::uint64_t Combination::apply(const Accumulator& group, std::uint32_t row,
                                 std::byte* to) const noexcept {
  Job job;
  job.sums = group.sums(row).data();
  job.counts = group.counts(row).data();
  job.width = width_;
  const bool floats = job.counts != nullptr;
  if (mean_) job.frames = floats ? 0 : group.count();
  return combine_(job, to);
}

}  // namespace framelog
