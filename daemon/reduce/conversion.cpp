#include "reduce/conversion.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "reduce/pixel.hpp"

namespace framelog {
namespace {

/// Pixels that are converted at a time, so that they stay in the L1 cache as float64.
constexpr std::size_t kTile = 512;

template <class Pixel>
void load_values(const std::byte* from, double* values, std::size_t pixels) noexcept {
  for (std::size_t i = 0; i < pixels; ++i) {
    values[i] = static_cast<double>(load_pixel<Pixel>(from, i));
  }
}

template <class Pixel>
struct Converted {
  Pixel pixel{};
  bool clipped{};
};

template <class Pixel>
Converted<Pixel> rounded(double value) {
  using Limits = std::numeric_limits<Pixel>;
  // 2^64 - 1 and a half are 2^64 as float64: from there on it is too large, as it has to be.
  constexpr double kAbove = static_cast<double>(Limits::max()) + 0.5;
  constexpr double kBelow = static_cast<double>(Limits::min()) - 0.5;
  using Wide = std::conditional_t<sizeof(Pixel) == 8, std::uint64_t, std::int64_t>;
  if (!(value < kAbove)) return {std::isnan(value) ? Pixel{0} : Limits::max(), true};
  if (value <= kBelow) return {Limits::min(), true};
  // The cast cuts off what the rounding then looks at: to add a half first would round as well.
  const auto whole = static_cast<Wide>(value);
  const double rest = value - static_cast<double>(whole);
  const auto up = static_cast<Wide>(rest >= 0.5 ? 1 : 0);
  const auto down = static_cast<Wide>(rest <= -0.5 ? 1 : 0);
  return {static_cast<Pixel>(whole + up - down), false};
}

template <class Pixel>
std::uint64_t store_values(const double* values, std::byte* to, std::size_t pixels) noexcept {
  std::uint64_t clipped = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    if constexpr (std::is_floating_point_v<Pixel>) {
      const auto pixel = static_cast<Pixel>(values[i]);
      clipped += std::isinf(pixel) && !std::isinf(values[i]) ? 1U : 0U;
      store_pixel(to, i, pixel);
    } else {
      const auto converted = rounded<Pixel>(values[i]);
      clipped += converted.clipped ? 1U : 0U;
      store_pixel(to, i, converted.pixel);
    }
  }
  return clipped;
}

/// The largest uint64 that `Pixel` holds; floats hold all, rounded.
template <class Pixel>
constexpr std::uint64_t most_of_uint64() {
  if constexpr (std::is_floating_point_v<Pixel>) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(std::numeric_limits<Pixel>::max());
}

template <class Pixel>
std::uint64_t convert_uint64(const std::byte* from, std::byte* to, std::size_t pixels,
                             bool full_is_clipped) noexcept {
  constexpr std::uint64_t kFull = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kMost = most_of_uint64<Pixel>();
  std::uint64_t clipped = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    const auto pixel = load_pixel<std::uint64_t>(from, i);
    const bool full = full_is_clipped && pixel == kFull;
    clipped += full || pixel > kMost ? 1U : 0U;
    store_pixel(to, i, static_cast<Pixel>(std::min(pixel, kMost)));
  }
  return clipped;
}

/// Whether the combined pixels are sums that may have been cut off at 2^64 - 1.
bool sums_may_be_full(const ReductionPlan& plan) {
  if (plan.combined.type != PixelType::kUint64) return false;
  const bool bins = plan.bin_mode == BinMode::kSum && plan.bin != Binning{};
  if (plan.accumulate > 1) return plan.accumulate_mode == AccumulateMode::kSum;
  return bins;
}

}  // namespace

Conversion::Conversion(const ReductionPlan& plan) noexcept
    : changes_(plan.renormalise.has_value() || plan.combined.type != plan.output.type),
      maps_(plan.renormalise.has_value()),
      full_is_clipped_(sums_may_be_full(plan)),
      from_float_(is_float(plan.combined.type)),
      to_float_(is_float(plan.output.type)),
      from_bytes_(size_bytes(plan.combined.type)),
      to_bytes_(size_bytes(plan.output.type)) {
  if (plan.renormalise) {
    from_min_ = plan.renormalise->from_min;
    from_range_ = plan.renormalise->from_max - plan.renormalise->from_min;
    to_min_ = plan.renormalise->to_min;
    to_range_ = plan.renormalise->to_max - plan.renormalise->to_min;
  }
  with_pixel_type(plan.combined.type,
                  [this]<class Pixel>(std::type_identity<Pixel>) { load_ = load_values<Pixel>; });
  with_pixel_type(plan.output.type, [this]<class Pixel>(std::type_identity<Pixel>) {
    store_ = store_values<Pixel>;
    exact_ = convert_uint64<Pixel>;
  });
  if (maps_ || plan.combined.type != PixelType::kUint64) exact_ = nullptr;
}

std::uint64_t Conversion::apply(const std::byte* from, std::byte* to,
                                std::size_t pixels) const noexcept {
  if (exact_ != nullptr) return exact_(from, to, pixels, full_is_clipped_);
  std::array<double, kTile> values;  // NOLINT(*-member-init): each tile is loaded first
  std::uint64_t clipped = 0;
  for (std::size_t done = 0; done < pixels; done += kTile) {
    const std::size_t count = std::min(kTile, pixels - done);
    const std::byte* tile = from + done * from_bytes_;
    load_(tile, values.data(), count);
    if (maps_) clipped += map(values.data(), count);
    clipped += store_(values.data(), to + done * to_bytes_, count);
    if (full_is_clipped_) clipped += count_full(tile, values.data(), count);
  }
  return clipped;
}

/// Returns how many finite numbers became infinite, unless store_ counts infinities itself.
std::uint64_t Conversion::map(double* values, std::size_t pixels) const noexcept {
  std::uint64_t infinite = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    const double value = values[i];
    values[i] = to_min_ + (value - from_min_) * to_range_ / from_range_;
    infinite += std::isinf(values[i]) && !std::isinf(value) ? 1U : 0U;
  }
  return to_float_ ? infinite : 0;
}

/// Full sums beside those that store_ counted.
std::uint64_t Conversion::count_full(const std::byte* sums, const double* values,
                                     std::size_t pixels) const noexcept {
  std::uint64_t full = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    if (load_pixel<std::uint64_t>(sums, i) != std::numeric_limits<std::uint64_t>::max()) continue;
    std::array<std::byte, sizeof(double)> again{};
    if (store_(values + i, again.data(), 1) == 0) ++full;
  }
  return full;
}

}  // namespace framelog
