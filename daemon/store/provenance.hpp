#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "formats/segment.hpp"

namespace framelog {

/// What provenance tells of the run beside the segment's own description.
struct RunFacts {
  std::string driver, vendor, model, serial, firmware;
  std::vector<std::pair<std::string, std::string>> device_settings;  ///< As read back.
  std::vector<std::pair<std::string, std::string>>
      configuration_origins;  ///< section.key, FILE:LINE
  std::vector<std::string> input_paths;
  bool clock_synchronised{};
};

/// One JSON object (design page files.md, "provenance"), as far as it is known before the first
/// frame: stored while recording, so that a file cut off at any instant explains itself.
[[nodiscard]] std::string start_provenance(const RunFacts& run, const SegmentDescription& segment);

/// The time of the first and last frame of a segment; -1 where there is none.
struct SegmentSpan {
  std::int64_t first_utc_ns{-1};
  std::int64_t last_utc_ns{-1};
};

/// The same object, completed. `input_digests`: path to SHA-256; one that is missing stays null.
/// Errors: kCorrupt when `started` is no such object.
[[nodiscard]] Result<std::string> complete_provenance(
    std::string_view started, const SegmentEnd& end, const SegmentSpan& span,
    const std::map<std::string, std::string>& input_digests);

/// A few values back out of it, for people and for checks.
struct ProvenanceSummary {
  std::string instrument, product, driver, model, run_uuid, run_start, stop_reason, program,
      first_frame, last_frame;
  std::int64_t run_number{};
  std::int64_t segment{};
  std::vector<std::string> steps;       ///< "crop y=16:112, x=16:112"
  std::vector<std::string> step_names;  ///< "crop"

  [[nodiscard]] bool has_step(std::string_view name) const;
  /// Some frames are left out on purpose: merged, skipped, or recorded around triggers only.
  [[nodiscard]] bool leaves_out() const;
};
[[nodiscard]] Result<ProvenanceSummary> summarise_provenance(std::string_view json);
/// Whether it is that of an export: the same frames once more, or what became of them.
[[nodiscard]] bool tells_of_export(std::string_view json);

}  // namespace framelog
