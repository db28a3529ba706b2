#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "command/find_segments.hpp"
#include "core/accounting.hpp"
#include "core/scan.hpp"
#include "formats/segment.hpp"
#include "store/provenance.hpp"

namespace framelog {

/// Over all frames of a segment; NaN where no frame has a number.
struct FrameSummary {
  double min{};
  double max{};
  double mean{};  ///< Of the frames' means.
  std::uint64_t saturated{};
  std::uint64_t clipped{};
  std::int64_t damaged_records{};
  std::int64_t corrupt{};
  std::int64_t incomplete{};
  std::int64_t unsynchronised{};  ///< Recorded while the clock was not disciplined.
};

/// The sums of one virtual detector; NaN where no frame has one.
struct DetectorSummary {
  std::string name;
  std::int64_t pixels{};
  double min{};
  double max{};
  double last{};           ///< Of the newest frame that has a sum.
  std::int64_t missing{};  ///< Frames whose sums are not those that were recorded with them.
};

/// Everything that `framelog info` tells of one segment.
struct SegmentReport {
  FoundSegment found;
  std::string provenance_json;
  ProvenanceSummary provenance;
  FrameShape shape;
  std::int64_t frames{};
  std::int64_t synced{};
  std::int64_t first_utc_ns{-1};
  std::int64_t last_utc_ns{-1};
  std::int64_t duration_ns{};
  FrameSummary summary;
  std::optional<Scan> scan;
  std::vector<DetectorSummary> detectors;
  std::vector<GapEntry> gaps;
  std::optional<Accounting> accounting;  ///< None while it is not finished.
  std::string tree;                      ///< Empty unless asked for.

  /// Frames per second between the first and the last frame; 0 when there is none.
  [[nodiscard]] double rate_hz() const noexcept;
};

/// Reads all of it but the pixels, of a living segment what is valid now. Errors: of the format.
[[nodiscard]] Result<SegmentReport> report_segment(FileSystem& files, const FoundSegment& found,
                                                   bool with_tree);

}  // namespace framelog
