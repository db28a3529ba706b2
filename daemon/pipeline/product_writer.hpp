#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/health.hpp"
#include "pipeline/kept_state.hpp"
#include "pipeline/ring.hpp"
#include "pipeline/segment_lane.hpp"

namespace framelog {

/// What was lost since the last recorded frame of one product, by stage.
struct PendingLosses {
  std::array<std::uint64_t, kDropReasons> by_write{};
  std::array<std::uint64_t, kDropReasons> by_capture{};
  std::array<std::uint64_t, kLossReasons> at_source{};
  bool unknown{};
  std::uint32_t uncounted{};  ///< By DropReason, a bit each.

  void take(const LossBefore& before) noexcept;
  [[nodiscard]] std::uint64_t frames() const noexcept;
};

/// What was left out on purpose since the last recorded frame of one product.
struct PassedOver {
  std::uint64_t skipped{};
  std::uint64_t not_recorded{};
};

/// Where a product's writer stands. It lies in the ring, so that the process after goes on with it.
struct WriterState {
  struct Counters {
    std::uint64_t recorded, bytes, merged, skipped, not_recorded, segments, clipped_pixels;
    std::array<std::uint64_t, kDropReasons> dropped;
  };
  Counters counters{};
  std::uint64_t done_to{};  ///< Slots below it are dealt with.
  PendingLosses pending;
  PassedOver passed;
  std::uint32_t group_flags{};    ///< Triggers since the last group.
  std::uint64_t tail_to{};        ///< Tails that end below it are dealt with.
  std::uint64_t accounted_to{};   ///< Slots below it are accounted for in a segment.
  std::uint64_t received_slot{};  ///< Frames received up to the last slot that was looked at.
  std::int64_t last_sequence{-1};
  std::int64_t last_monotonic_ns{-1};
  std::uint64_t received_before{};  ///< Frames received up to the last one of the segment before.
  std::uint64_t received_here{};    ///< Up to the last one of the open segment.
  std::int64_t segment{-1};         ///< Number of the open segment; -1: none.
  std::int64_t numbered{};          ///< Of the last segment that was opened.
  Accounting accounting;            ///< Of the open segment.
  std::array<char, 2048> part{};    ///< Its path; empty where it is too long.
};
static_assert(KeptState<WriterState>::kBytes <= kKeptBytes);

/// Puts the frames of one product into its segments: rolls between frames, notes gaps and clock
/// changes, counts. Allocates only at rolls and gaps. What it does is in the ring before the slots
/// are given back: over a ring that a dead process has left it goes on as that one would have, and
/// puts no frame into a file twice. Threads: write.
class ProductWriter {
 public:
  /// With a segment taken over: it is open in the lane.
  ProductWriter(Ring& ring, std::size_t product, SegmentLane& lane, Health& health);

  /// Where the writer of a dead process stood. Threads: any, before there is a writer.
  [[nodiscard]] static const WriterState* left_behind(Ring& ring, std::size_t product) noexcept;

  /// Records or drops what the slots of the reduced frames [from, to) hold, which lie one behind
  /// the other in memory. Blocks on the disk, and on the files thread while the next segment is not
  /// ready.
  void write(std::uint64_t from, std::uint64_t to);
  /// Counts them as not recorded.
  void pass(std::uint64_t from, std::uint64_t to);
  /// Counts them as dropped: writing them has killed the process again and again.
  void lose(std::uint64_t from, std::uint64_t to);
  /// Over the ring of a dead process: the group that its end had cut short, in its place.
  void settle_tail(bool recording);
  /// An event has ended, and so does the open segment.
  void end_event();
  /// Somebody wants the open segment to end here. It goes on while no next one can be prepared.
  void roll();
  /// Ends the open segment. `tail` is what capture lost behind the last frame; the group that the
  /// end cut short is recorded if `recording`.
  void stop(const LossBefore& tail, std::optional<std::uint64_t> received_total,
            std::string_view reason, bool recording);

 private:
  /// One frame that is to be recorded; all borrowed from the ring.
  struct Item {
    const FrameInfo* info;
    const ProductResult* result;
    const LossBefore* before;  ///< Null for a group, which begins behind a loss.
    std::span<const std::byte> pixels;
    std::span<const std::byte> packed;  ///< Room for the packed frame; empty without compression.
    std::span<const double> detectors;
    std::int64_t first_monotonic_ns;
    std::uint64_t received_total;
    std::uint64_t accounted_to;  ///< With it, all slots below this one are.
    std::uint32_t frames;
    std::uint32_t more_flags;
  };
  using Items = std::span<const Item>;

  [[nodiscard]] Item frame(std::uint64_t sequence) noexcept;
  [[nodiscard]] Item group(std::uint64_t sequence) noexcept;
  /// Plain frames from `from` on that have one outcome.
  [[nodiscard]] std::uint64_t end_of_outcome(std::uint64_t from, std::uint64_t to) noexcept;
  void write_group_slot(std::uint64_t sequence, bool recording);
  void pass_over(std::uint64_t from, std::uint64_t to, std::uint64_t PassedOver::*kind);
  void count_passed(std::uint64_t frames, std::uint64_t PassedOver::*kind);

  void record(Items items);
  [[nodiscard]] bool ensure_segment(const FrameInfo& first);
  void retire(std::string_view reason);
  /// The first of `items` that belong into the open segment; the reason to end it where that is
  /// fewer than all.
  [[nodiscard]] std::size_t fitting(Items items, std::string_view& reason);
  [[nodiscard]] bool append(Items items);
  [[nodiscard]] Result<void> append_to_segment(Items items);
  [[nodiscard]] static PackedFrame packed_frame(const Item& item) noexcept;
  void make_record(const Item& item, bool first_of_batch, FrameRecord& record);
  void note_losses(std::int64_t duration_ns);
  void note_gap(std::optional<std::uint64_t> frames, std::int64_t duration_ns,
                std::string_view stage, std::string_view reason);
  void note_clock(const FrameInfo& info);
  void note_passed_over();
  void take_over();
  void record_tail(bool recording);
  [[nodiscard]] std::uint64_t frames_in(std::uint64_t sequence) const noexcept;
  [[nodiscard]] std::size_t in_file(Items items) const noexcept;
  void account(Items items);
  void keep();
  void write_slots(std::uint64_t from, std::uint64_t to);
  void write_group_slots(std::uint64_t from, std::uint64_t to);
  void note_uncounted(std::int64_t duration_ns);
  void drop(Items items, DropReason reason);
  void handle_write_error(const Error& error);

  Ring& ring_;
  std::size_t product_;
  bool groups_;  ///< The product accumulates.
  bool packs_;   ///< Its segments take packed frames.
  SegmentLane& lane_;
  Health& health_;
  ProductCounters& counters_;
  OpenSegment* segment_{};
  std::vector<Item> items_;
  std::vector<FrameRecord> records_;
  std::vector<PackedFrame> packed_;  ///< As many as there are items, with compression.
  KeptState<WriterState> kept_;
  WriterState state_;
  /// Frames below it are in the files that a dead process has left.
  std::int64_t in_file_to_{};
  Deadline blocked_until_{};
  DropReason blocked_reason_{DropReason::kWriteError};
  std::chrono::nanoseconds back_off_{};
};

}  // namespace framelog
