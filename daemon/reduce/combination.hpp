#pragma once

#include <cstddef>
#include <cstdint>

#include "reduce/accumulator.hpp"
#include "reduce/plan.hpp"

namespace framelog {

/// From a group's sums to a frame of the plan's combined type. Immutable; threads: any.
class Combination {
 public:
  explicit Combination(const ReductionPlan& plan) noexcept;

  /// Writes row `row` of the combined frame of `group`, which has at least one frame: the sums, or
  /// the means, of integers rounded half away from zero, of floats over the frames in which the
  /// pixel was not NaN (NaN in all of them: NaN). Returns how many pixels did not fit: sums of
  /// uint64 that reached 2^64 - 1, finite sums of floats that become infinite.
  std::uint64_t apply(const Accumulator& group, std::uint32_t row, std::byte* to) const noexcept;

 private:
  struct Job {
    const std::byte* sums{};
    const std::byte* counts{};
    std::size_t width{};
    std::uint32_t frames{1};  ///< To divide by; 1 for sums, 0 for means of floats.
  };
  using Combine = std::uint64_t (*)(const Job& job, std::byte* to) noexcept;
  template <class Sum, class Pixel>
  static std::uint64_t combine_integers(const Job& job, std::byte* to) noexcept;
  template <class Pixel>
  static std::uint64_t combine_floats(const Job& job, std::byte* to) noexcept;

  Combine combine_{};
  bool mean_{};
  std::size_t width_{};
};

}  // namespace framelog
