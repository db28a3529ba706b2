#pragma once

#include "formats/segment.hpp"

namespace framelog {

/// RAW: NAME.raw holds pixels alone, NAME.frames the records behind a 4096-byte head, NAME.json
/// says what it is. Each carries .part until finished; the .raw is renamed last, so that
/// NAME.raw.part tells an unfinished segment. The functions of the table row; see SegmentFormat.
[[nodiscard]] Result<std::unique_ptr<SegmentWriter>> prepare_raw(
    FileSystem& files, const std::filesystem::path& stem, const SegmentDescription& description);
[[nodiscard]] Result<ResumedSegment> resume_raw(FileSystem& files,
                                                const std::filesystem::path& part,
                                                const SegmentDescription& description);
[[nodiscard]] Result<std::unique_ptr<SegmentReader>> open_raw(FileSystem& files,
                                                              const std::filesystem::path& path);
[[nodiscard]] Result<void> undo_raw(FileSystem& files, const std::filesystem::path& part);
[[nodiscard]] Result<SegmentSummary> finalise_raw(FileSystem& files,
                                                  const std::filesystem::path& part,
                                                  std::int64_t frames, const SegmentEnd& end);
[[nodiscard]] Result<void> publish_raw(FileSystem& files, const std::filesystem::path& part,
                                       const std::filesystem::path& final_path);

/// NAME.raw -> NAME.json, NAME.raw.part -> NAME.json.part: the same name with another extension.
[[nodiscard]] std::filesystem::path raw_companion(const std::filesystem::path& raw,
                                                  std::string_view extension);

/// The .frames file, wherever a publishing cut short has left it.
[[nodiscard]] std::filesystem::path raw_table(FileSystem& files, const std::filesystem::path& raw);

}  // namespace framelog
