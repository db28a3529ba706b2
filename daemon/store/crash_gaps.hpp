#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "formats/segment.hpp"

namespace framelog {

/// Finds the gaps that only the frame table of an unfinished segment knows, its records coming one
/// after the other: jumps of the sequence with the stage "write", what else `dropped_before` tells
/// with the stage "capture", each with the reason "crash". Damaged records are passed over.
/// Threads: one.
class CrashGaps {
 public:
  /// `gaps` are those that the .events of the segment tell. With `leaves_out` the recording merges,
  /// skips or does not record some frames, so that a jump alone is no loss.
  CrashGaps(std::vector<GapEntry> gaps, bool leaves_out);
  void take(const FrameRecord& record);
  /// All gaps, in the order of the frames; `lost_at_end` frames were in the file, but not whole.
  [[nodiscard]] std::vector<GapEntry> finish(std::int64_t lost_at_end) &&;

 private:
  /// Frames that the known gaps tell of in one place.
  struct Told {
    std::int64_t all{};
    std::int64_t with_sequence{};  ///< Of these, by the write stage.
  };
  [[nodiscard]] Told told_before(std::int64_t sequence);

  std::vector<GapEntry> known_, found_;
  std::size_t next_known_{};
  bool leaves_out_{};
  std::optional<FrameRecord> before_;  ///< The last one that is not damaged.
  std::int64_t damaged_{};             ///< Since then.
};

/// CrashGaps of all `records`, added to `gaps`.
void add_crash_gaps(std::span<const FrameRecord> records, std::int64_t lost_at_end, bool leaves_out,
                    std::vector<GapEntry>& gaps);

}  // namespace framelog
