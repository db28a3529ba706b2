#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/frame.hpp"
#include "reduce/accumulator.hpp"
#include "reduce/plan.hpp"

namespace framelog {

/// Which set of kernels does the arithmetic. All give the same integers and the same statistics of
/// integers, and the same float pixels; statistics of floats agree within 1e-12 relative.
enum class KernelSet : std::uint8_t { kPlain, kBaseline, kV3 };
[[nodiscard]] std::string_view name_of(KernelSet set) noexcept;
/// The fastest that this processor runs.
[[nodiscard]] KernelSet best_kernels() noexcept;

/// Applies one plan to frames. Owns its scratch row; one per reduce thread and product.
///
///     source -> correct -> crop, bin -> [accumulate ->] convert -> output
class Reducer {
 public:
  /// `plan` is one of make_plan(); this processor must run `kernels`. Plans that the set has no
  /// kernel for run the plain loop.
  explicit Reducer(const ReductionPlan& plan, KernelSet kernels = best_kernels());
  ~Reducer();
  Reducer(Reducer&&) noexcept;
  Reducer& operator=(Reducer&&) noexcept;
  Reducer(const Reducer&) = delete;
  Reducer& operator=(const Reducer&) = delete;

  /// Reduces `source` (size_bytes(plan.source)) into `output` (size_bytes(plan.output); empty and
  /// untouched when the plan is the identity) and returns the statistics of the output's pixels
  /// from the same pass. Both borrowed for the call, apart from each other, at any alignment.
  /// Threads: the reduce thread that owns it. Allocates nothing, fails never.
  ///
  /// Bins of 1 x 1 copy their pixels bit for bit. Clipped are uint64 sums beyond their type, and
  /// float results that are infinite though no pixel of their bin is. Infinite pixels make sum and
  /// mean infinite and the standard deviation NaN; of pixels that are all NaN the sum is 0 and the
  /// rest NaN.
  /// Only for plans that do not accumulate.
  [[nodiscard]] FrameStatistics run(std::span<const std::byte> source,
                                    std::span<std::byte> output) noexcept;

  /// Only for plans that accumulate: corrects, crops and bins `source` and adds it to `group`,
  /// which then holds frame `sequence` and `note`. A frame below group.next() is in already and
  /// changes nothing. False, and nothing is added, where the group has kMostAccumulated frames, and
  /// where another frame is unfinished in it (Accumulator::unfinished()): only that one can be
  /// added, or the group cleared. Allocates nothing.
  bool add(std::span<const std::byte> source, std::uint64_t sequence,
           std::span<const std::byte> note, Accumulator& group) noexcept;
  /// The sum or mean of `group`, which has at least one frame, converted into `output`; statistics
  /// as those of run(), `saturated` those of all frames of the group. Leaves the group alone.
  [[nodiscard]] FrameStatistics emit(const Accumulator& group,
                                     std::span<std::byte> output) noexcept;

  [[nodiscard]] const ReductionPlan& plan() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace framelog
