#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/health.hpp"
#include "pipeline/ring.hpp"
#include "pipeline/segment_lane.hpp"

namespace framelog {

/// What was lost since the last recorded frame of one product, by stage.
struct PendingLosses {
  std::array<std::uint64_t, kDropReasons> by_write{};
  std::array<std::uint64_t, kDropReasons> by_capture{};
  std::array<std::uint64_t, kLossReasons> at_source{};
  bool unknown{};

  void take(const LossBefore& before) noexcept;
  [[nodiscard]] std::uint64_t frames() const noexcept;
};

/// Puts the frames of one product into its segments: rolls between frames, notes gaps and clock
/// changes, counts. Allocates only at rolls and gaps. Threads: write.
class ProductWriter {
 public:
  ProductWriter(Ring& ring, std::size_t product, SegmentLane& lane, Health& health);

  /// Records or drops the reduced frames [from, to), which lie one behind the other in memory.
  /// Blocks on the disk, and on the files thread while the next segment is not ready.
  void write(std::uint64_t from, std::uint64_t to);
  /// Ends the open segment. `tail` is what capture lost behind the last frame.
  void stop(const LossBefore& tail, std::uint64_t received_total, std::string_view reason);

 private:
  [[nodiscard]] bool ensure_segment(const FrameInfo& first);
  void retire(std::string_view reason);
  /// Frames from `from` on that belong into the open segment; the reason to end it where that is
  /// fewer than asked.
  [[nodiscard]] std::uint64_t fitting(std::uint64_t from, std::uint64_t to,
                                      std::string_view& reason);
  [[nodiscard]] bool append(std::uint64_t from, std::uint64_t to);
  void make_record(std::uint64_t sequence, std::uint64_t first_of_batch, FrameRecord& record);
  void note_losses(std::int64_t duration_ns);
  void note_gap(std::optional<std::uint64_t> frames, std::int64_t duration_ns,
                std::string_view stage, std::string_view reason);
  void note_clock(const FrameInfo& info);
  void after_append(std::uint64_t from, std::uint64_t to);
  void drop(std::uint64_t from, std::uint64_t to, DropReason reason);
  void handle_write_error(const Error& error);

  Ring& ring_;
  std::size_t product_;
  SegmentLane& lane_;
  Health& health_;
  ProductCounters& counters_;
  OpenSegment* segment_{};
  std::vector<FrameRecord> records_;
  PendingLosses pending_;
  std::int64_t last_sequence_{-1};
  std::int64_t last_monotonic_ns_{-1};
  std::uint64_t received_before_{};  ///< Frames received up to the last one of the segment before.
  std::uint64_t received_here_{};    ///< Up to the last one of the open segment.
  Deadline blocked_until_{};
  DropReason blocked_reason_{DropReason::kWriteError};
  std::chrono::nanoseconds back_off_{};
};

}  // namespace framelog
