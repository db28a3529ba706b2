#pragma once

#include <cstddef>
#include <cstdint>

#include "core/frame.hpp"
#include "reduce/plan.hpp"

namespace framelog {

/// From a plan's combined type to its output type, renormalised where the plan says so: in float64,
/// and to integers rounded half away from zero. Without renormalisation integers convert exactly,
/// uint64 too. Immutable; threads: any.
class Conversion {
 public:
  explicit Conversion(const ReductionPlan& plan) noexcept;

  /// Whether there is anything to do.
  [[nodiscard]] bool changes() const noexcept { return changes_; }
  /// Whether pixels that were clipped before are among those that apply() counts.
  [[nodiscard]] bool counts_anew() const noexcept {
    return full_is_clipped_ || (from_float_ && !to_float_);
  }
  /// Converts `pixels` pixels, apart from each other and at any alignment. Returns how many did not
  /// fit: integers beyond the type, which become its bound; NaN as an integer, which becomes 0;
  /// finite numbers that become infinite; and sums of uint64 that had reached 2^64 - 1 before.
  std::uint64_t apply(const std::byte* from, std::byte* to, std::size_t pixels) const noexcept;

 private:
  using Load = void (*)(const std::byte* from, double* values, std::size_t pixels) noexcept;
  using Store = std::uint64_t (*)(const double* values, std::byte* to, std::size_t pixels) noexcept;
  using Exact = std::uint64_t (*)(const std::byte* from, std::byte* to, std::size_t pixels,
                                  bool full_is_clipped) noexcept;

  std::uint64_t map(double* values, std::size_t pixels) const noexcept;
  std::uint64_t count_full(const std::byte* sums, const double* values,
                           std::size_t pixels) const noexcept;

  bool changes_{};
  bool maps_{};
  bool full_is_clipped_{};  ///< A uint64 of 2^64 - 1 is a sum that may have been cut off.
  bool from_float_{};
  bool to_float_{};
  double from_min_{};
  double from_range_{1};
  double to_min_{};
  double to_range_{1};
  std::size_t from_bytes_{};
  std::size_t to_bytes_{};
  Load load_{};
  Store store_{};
  Exact exact_{};  ///< From uint64, which a float64 does not hold; null for others.
};

}  // namespace framelog
