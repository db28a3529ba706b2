#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/accounting.hpp"
#include "core/file_system.hpp"
#include "formats/frame_record.hpp"
#include "store/provenance.hpp"

namespace framelog {

/// What looking through one finished segment found.
struct VerifiedSegment {
  std::filesystem::path path;
  std::vector<std::string> problems;  ///< Empty: all is well.
  std::int64_t more_problems{};       ///< Beside those listed.
  std::vector<std::string> notes;     ///< What is no fault: clocks that were set.
  /// The records whose clocks the neighbours in the run are compared with.
  FrameRecord first_record, last_record;
  ProvenanceSummary provenance;
  bool is_export{};  ///< Frames of a run once more, or what became of them: no segment of the run.
  std::int64_t frames{};
  std::int64_t bytes{};
  std::int64_t first_sequence{-1};
  std::int64_t last_sequence{-1};
  std::uint32_t records_crc{};  ///< CRC-32C of all records: equal in copies of a segment.
  /// Dropped by the write stage between the segment before and this one: jumps of the sequence.
  std::int64_t dropped_with_sequence_before_first{};
  /// Lost before the first frame in a crash that left open whether they had a sequence number.
  std::int64_t dropped_with_sequence_between{};
  std::int64_t unplaced_before_first{};
  std::int64_t dropped_with_sequence_after_last{};  ///< By the write stage, or in a crash.
  Accounting accounting;
};

/// Told now and then while pixels are read: how many bytes since the call before.
using VerifyProgress = std::function<void(std::int64_t bytes)>;

/// Checks a finished segment: that it opens, is finished, and says the same count everywhere; each
/// record's CRC, order, and each frame's pixel CRC; that gaps, `dropped_before`, jumps of the
/// sequence and the accounting tell the same losses; and the accounting equation. Reads all pixels.
/// Threads: any.
[[nodiscard]] VerifiedSegment verify_segment(FileSystem& files, const std::filesystem::path& path,
                                             const VerifyProgress& progress = {});

/// One run and product over all of its segments that were verified.
struct VerifiedRun {
  std::string run_uuid, instrument, product;
  std::int64_t run_number{};
  std::int64_t segments{};
  std::int64_t frames{};
  Accounting accounting;              ///< Added up.
  std::vector<std::string> problems;  ///< Frames missing between segments, or recorded twice.
  /// What is no fault: copies, which count once, segments of the run that were not looked at, and
  /// a clock that was set between two segments.
  bool ended_by_crash{};  ///< Frames were in the ring that nobody can count any more.
  std::vector<std::string> notes;
};

/// Joins segments into runs and checks that each begins where the one before has ended. An export
/// is by itself. Segments without a frame or a run's identity are left out.
[[nodiscard]] std::vector<VerifiedRun> join_runs(const std::vector<VerifiedSegment>& segments);

}  // namespace framelog
