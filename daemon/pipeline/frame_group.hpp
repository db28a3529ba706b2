#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "pipeline/product_reduction.hpp"
#include "pipeline/ring.hpp"
#include "reduce/reducer.hpp"
#include "store/roll_policy.hpp"

namespace framelog {

/// One product that accumulates: adds frames up in the ring's memory and puts each group that is
/// complete, or that a gap, a roll or the end cuts short, into the slot where that is known. A
/// group that is cut short by a frame is found in that frame's slot. All that it knows of a group
/// lies in the ring: a process that takes over goes on as if nothing had happened, and no frame is
/// added twice. Threads: the reducer that owns the product.
class FrameGroup {
 public:
  /// Borrows all of them; `product` is its index in the ring.
  FrameGroup(Ring& ring, std::size_t product, const ProductReduction& reduction, Reducer& reducer);

  /// The frame in slot `sequence`, in order. Allocates nothing.
  void take(std::uint64_t sequence) noexcept;
  /// The frame has killed the process again and again. It is lost, and with it the group if rows of
  /// it are in there already; else the group ends before it, or is lost where this is `hopeless`:
  /// has killed the process, too.
  void lose(std::uint64_t sequence, bool hopeless) noexcept;
  /// No frame comes any more: what there is becomes the ring's tail.
  void finish() noexcept;

 private:
  [[nodiscard]] bool is_cut_before(const SlotHeader& header) const noexcept;
  void add(std::uint64_t sequence, const SlotHeader& header) noexcept;
  void emit_at(std::uint64_t sequence) noexcept;
  void emit(ProductResult& result, GroupResult& group, std::span<std::byte> pixels,
            std::span<std::byte> packed, std::span<double> detectors) noexcept;
  [[nodiscard]] bool begins_segment(const FrameInfo& info) const noexcept;
  void foresee_segment(const FrameInfo& first) noexcept;
  void note_emitted(const FrameInfo& info) noexcept;

  Ring& ring_;
  std::size_t product_;
  const ProductReduction& reduction_;
  Reducer& reducer_;
  FrameCompletion completion_;
  Accumulator group_;
  /// What the writer will do: its segments begin with the first group behind a roll. As long as
  /// there is none, with the first frame of the group that will be it.
  std::optional<RollClock> roll_;
  std::int64_t in_segment_{};  ///< Groups.
};

}  // namespace framelog
