#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/accounting.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"
#include "core/unique_fd.hpp"
#include "core/wakeup.hpp"

namespace framelog {

inline constexpr std::size_t kMostProducts = 16;
inline constexpr std::size_t kMostReducers = 16;

enum class Stage : std::uint8_t { kCapture, kReduce, kWrite };

/// What the slots hold. Two layouts with the same fingerprint() are the same.
struct RingLayout {
  std::uint64_t slots{};
  std::uint64_t raw_bytes{};  ///< Per slot.
  std::vector<std::uint64_t>
      product_bytes;  ///< Per slot and product; 0: the product is the raw frame.
  std::uint32_t reducers{1};

  [[nodiscard]] std::uint64_t slot_bytes()
      const noexcept;  ///< Header, raw frame and products of one frame.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;
  [[nodiscard]] std::uint64_t fingerprint() const noexcept;
  /// As many slots as fit `memory_bytes`, the ring's own head included.
  [[nodiscard]] static std::uint64_t slots_in(std::uint64_t memory_bytes,
                                              const RingLayout& one_slot) noexcept;
};

/// What was lost between the frame before and this one, as capture saw it.
struct LossBefore {
  std::array<std::uint32_t, kDropReasons> dropped{};
  std::array<std::uint32_t, kLossReasons> lost_at_source{};
  bool unknown{};              ///< Frames are missing that the hardware does not number.
  std::int64_t duration_ns{};  ///< Since the frame before; 0 where nothing is missing.

  [[nodiscard]] bool any() const noexcept { return duration_ns != 0; }
};

/// What reducing one frame for one product gave, beside its pixels.
struct ProductResult {
  FrameStatistics statistics;
  std::uint32_t crc32c{};
};

struct SlotHeader {
  FrameInfo info;
  LossBefore before;
  std::uint64_t received_total{};  ///< Frames received in this run, this one included.
  std::array<ProductResult, kMostProducts> results;
};

/// One frame's place. Borrowed while the stage owns the sequence.
struct Slot {
  SlotHeader& header;
  std::span<std::byte> raw;
};

/// The slots between the stages, in one memory mapping that outlives the process.
///
///     0 <= written <= reduced <= captured <= written + slots
///
///   stage    may touch the slots           advances   reads
///   capture  [captured, written + slots)   captured   written
///   reduce   [reduced, captured)           reduced    captured
///   write    [written, reduced)            written    reduced
///
/// A cursor has one writer. Advancing is a release that pairs with the acquire with which the next
/// stage reads it, so all that a stage did to a slot is seen by its successor. A frame's slot is
/// sequence % slots. With n reducers, reducer k takes the frames with sequence % n == k and has a
/// cursor of its own: all of its frames below it are done. `reduced` is the smallest of them.
///
/// The memory: head (cursors, counters), slot headers, then for the raw frames and for each product
/// one area of slots x bytes without padding, so that consecutive frames lie one behind the other
/// and go to the disk in one call.
class Ring {
 public:
  /// Zeroed memory for a layout, in a memfd, all pages present. Errors: kNoMemory, also
  /// where it would take nearly all that the machine has left.
  [[nodiscard]] static Result<UniqueFd> create_memory(const RingLayout& layout);
  /// Maps `memory` and takes over what its head says; memory that is all zero becomes an empty
  /// ring. Errors: kLayout when it holds a ring of another version, layout or size, or impossible
  /// cursors; kNoMemory.
  [[nodiscard]] static Result<Ring> attach(UniqueFd memory, const RingLayout& layout);
  Ring(Ring&&) noexcept;
  Ring& operator=(Ring&&) = delete;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  [[nodiscard]] std::uint64_t slots() const noexcept { return layout_.slots; }
  [[nodiscard]] const RingLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] Slot slot(std::uint64_t sequence) noexcept;
  /// The frame of one product: the raw frame where the product has no bytes of its own.
  [[nodiscard]] std::span<std::byte> product(std::uint64_t sequence, std::size_t product) noexcept;
  /// Frames from `sequence` on that lie one behind the other in memory, at most `count`.
  [[nodiscard]] std::uint64_t contiguous(std::uint64_t sequence,
                                         std::uint64_t count) const noexcept;

  /// First sequence that the stage may not touch yet. Threads: that stage.
  [[nodiscard]] std::uint64_t end_of(Stage stage) const noexcept;
  /// Threads: any.
  [[nodiscard]] std::uint64_t captured() const noexcept;
  [[nodiscard]] std::uint64_t reduced() const noexcept;
  [[nodiscard]] std::uint64_t written() const noexcept;
  [[nodiscard]] std::uint64_t reduced_by(std::uint32_t reducer) const noexcept;

  void advance_captured(std::uint64_t to) noexcept;  ///< Threads: capture.
  void advance_reduced(std::uint32_t reducer,
                       std::uint64_t to) noexcept;  ///< Threads: that reducer.
  void advance_written(std::uint64_t to) noexcept;  ///< Threads: write.

  /// Sleeps until end_of(stage) > sequence; false when closed or past the deadline before that.
  /// Threads: that stage.
  bool wait(Stage stage, std::uint64_t sequence, Deadline deadline) noexcept;
  /// Sleeps until the deadline whatever the other stages do; close() alone ends it early. Threads:
  /// any.
  void nap(Deadline until) noexcept;
  /// No frame will be captured any more: whoever has nothing left to do returns from wait().
  /// Threads: any.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

  /// Keeps the memory from being swapped out. Errors: kNoMemory with what is allowed.
  [[nodiscard]] Result<void> lock();

  [[nodiscard]] CaptureCounters& capture_counters() const noexcept;
  [[nodiscard]] ProductCounters& product_counters(std::size_t product) const noexcept;

 private:
  struct Head;
  Ring(std::byte* memory, std::uint64_t bytes, const RingLayout& layout, UniqueFd fd);
  [[nodiscard]] Wakeup& wakeup_of(Stage stage) noexcept;

  RingLayout layout_;
  UniqueFd fd_;
  std::byte* memory_{};
  std::uint64_t bytes_{};
  Head* head_{};
  std::byte* headers_{};
  std::byte* raw_{};
  std::vector<std::byte*> products_;
  std::atomic<bool> closed_{false};
  Wakeup captured_moved_, reduced_moved_, written_moved_, closing_;
};

}  // namespace framelog
