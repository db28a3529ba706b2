#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/accounting.hpp"
#include "core/file_system.hpp"
#include "formats/segment.hpp"
#include "store/provenance.hpp"

namespace framelog {

/// What looking through one finished segment found.
struct VerifiedSegment {
  std::filesystem::path path;
  std::vector<std::string> problems;  ///< Empty: all is well.
  ProvenanceSummary provenance;
  std::int64_t frames{};
  std::int64_t bytes{};
  std::int64_t first_sequence{-1};
  std::int64_t last_sequence{-1};
  std::int64_t dropped_with_sequence_before_first{};  ///< By the write stage, between the segment
                                                      ///< before and this one.
  Accounting accounting;
};

/// Checks a finished segment: that it opens, is finished, and says the same count everywhere; each
/// record's CRC, order, and each frame's pixel CRC; that gaps, `dropped_before` and jumps of the
/// sequence tell the same losses; and the accounting equation. Reads all pixels. Threads: any.
[[nodiscard]] VerifiedSegment verify_segment(FileSystem& files, const std::filesystem::path& path);

/// One run and product over all of its segments that were verified.
struct VerifiedRun {
  std::string run_uuid, instrument, product;
  std::int64_t run_number{};
  std::int64_t segments{};
  Accounting accounting;              ///< Added up.
  std::vector<std::string> problems;  ///< Frames missing between segments, or recorded twice.
};

/// Joins segments into runs and checks that each begins where the one before has ended.
[[nodiscard]] std::vector<VerifiedRun> join_runs(const std::vector<VerifiedSegment>& segments);

}  // namespace framelog
