#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/frame.hpp"
#include "reduce/plan.hpp"

namespace framelog {

/// The frames of one group, added up in memory that outlives the process. A process that is killed
/// in the middle of a frame leaves memory in which that frame is added up exactly once when add()
/// is called with it again: each row is worked out beside the sums before it replaces them, and
/// what belongs to the whole group changes with one store.
///
/// Sums are exact: uint32 or int32 for 8- and 16-bit pixels (kMostAccumulated of them fit), 64-bit
/// integers for 32-bit ones, 128 bits for uint64, float64 for floats, of which NaN are skipped. A
/// group takes kMostAccumulated frames at most.
///
/// Threads: one at a time.
class Accumulator {
 public:
  /// What the caller wants to know of the group; as large as it likes.
  static constexpr std::size_t kNoteBytes = 320;

  /// Bytes that a group of `plan` takes.
  [[nodiscard]] static std::size_t memory_bytes(const ReductionPlan& plan) noexcept;
  /// Takes over what `memory` (memory_bytes(plan), aligned to 64, borrowed) says; memory that is
  /// all zero is an empty group.
  Accumulator(const ReductionPlan& plan, std::span<std::byte> memory) noexcept;

  [[nodiscard]] std::uint32_t count() const noexcept;  ///< Frames in the group.
  /// The first sequence that is not dealt with: frames below it are in the group or were before it.
  [[nodiscard]] std::uint64_t next() const noexcept;
  [[nodiscard]] std::span<const std::byte> note() const noexcept;  ///< kNoteBytes; zero at first.
  /// Pixels of the frames in the group: of the source saturated, and clipped when they were binned.
  [[nodiscard]] std::uint64_t saturated() const noexcept;
  [[nodiscard]] std::uint64_t clipped() const noexcept;

  /// Begins a new group: count() is 0, the note zero, and next() is `sequence`.
  void clear(std::uint64_t sequence) noexcept;

  // Of Reducer: one frame goes in row by row, between begin() and commit().
  /// Rows of frame `sequence` that are in already: those of the unfinished frame, which is the only
  /// one that can be added where there is one. What is in cannot be taken out.
  [[nodiscard]] std::uint32_t begin(std::uint64_t sequence) noexcept;
  /// The frame of which some rows are in, but not all that belongs to it.
  [[nodiscard]] std::optional<std::uint64_t> unfinished() const noexcept;
  /// Adds row `row` of plan.binned; rows come in order.
  void add_row(std::uint32_t row, std::span<const std::byte> pixels) noexcept;
  void commit(std::uint64_t sequence, std::uint64_t saturated, std::uint64_t clipped,
              std::span<const std::byte> note) noexcept;
  /// The sums of one row, in the accumulator's type.
  [[nodiscard]] std::span<const std::byte> sums(std::uint32_t row) const noexcept;
  /// Of floats, how many frames each sum is of, as uint16; empty for integers.
  [[nodiscard]] std::span<const std::byte> counts(std::uint32_t row) const noexcept;

 private:
  struct Control;
  struct Facts;
  [[nodiscard]] Control& control() const noexcept;
  [[nodiscard]] const Facts& facts() const noexcept;
  void replace_facts(const Facts& facts) noexcept;
  [[nodiscard]] std::byte* scratch(std::uint32_t row) const noexcept;
  [[nodiscard]] std::byte* row_of_sums(std::uint32_t row) const noexcept;

  std::span<std::byte> memory_;
  PixelType input_{};
  std::uint32_t width_px_{};
  std::size_t row_bytes_{};
  void (*add_)(const std::byte* pixels, const std::byte* sums, std::byte* result,
               std::size_t width) noexcept {};
};

}  // namespace framelog
