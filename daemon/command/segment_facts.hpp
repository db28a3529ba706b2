#pragma once

#include <cstdint>
#include <filesystem>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "store/provenance.hpp"

namespace framelog {

/// What a list of segments tells of one, finished or not.
struct SegmentFacts {
  ProvenanceSummary provenance;
  FrameShape shape;
  std::int64_t frames{};
  std::int64_t first_utc_ns{-1};
  std::int64_t duration_ns{};  ///< From the first frame to the last.
  std::int64_t lost{};         ///< Dropped, or lost at the source.
};

/// Looks at the head and the frame table of a segment, at no pixels. Errors: of the format.
[[nodiscard]] Result<SegmentFacts> look_at_segment(FileSystem& files,
                                                   const std::filesystem::path& path);

}  // namespace framelog
