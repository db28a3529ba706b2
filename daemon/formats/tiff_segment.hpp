#pragma once

#include "formats/segment.hpp"

namespace framelog {

/// TIFF: NAME.ome.tif with OME-XML, or NAME.tif as ImageJ writes it; one file holds all, and is a
/// TIFF of the whole frames at any moment. BigTIFF where the reserved space is beyond 4 GiB. The
/// functions of the table rows; see SegmentFormat. They are the same for both where the file itself
/// says which it is.
[[nodiscard]] Result<std::unique_ptr<SegmentWriter>> prepare_ome_tiff(
    FileSystem& files, const std::filesystem::path& stem, const SegmentDescription& description);
[[nodiscard]] Result<std::unique_ptr<SegmentWriter>> prepare_imagej_tiff(
    FileSystem& files, const std::filesystem::path& stem, const SegmentDescription& description);
[[nodiscard]] Result<ResumedSegment> resume_tiff(FileSystem& files,
                                                 const std::filesystem::path& part,
                                                 const SegmentDescription& description);
[[nodiscard]] Result<std::unique_ptr<SegmentReader>> open_tiff_segment(
    FileSystem& files, const std::filesystem::path& path);
[[nodiscard]] Result<void> undo_tiff(FileSystem& files, const std::filesystem::path& part);
[[nodiscard]] Result<SegmentSummary> finalise_tiff(FileSystem& files,
                                                   const std::filesystem::path& part,
                                                   std::int64_t frames, const SegmentEnd& end);
[[nodiscard]] Result<void> publish_tiff(FileSystem& files, const std::filesystem::path& part,
                                        const std::filesystem::path& final_path);

/// Whether OME and ImageJ know such pixels: all of ours but uint64.
[[nodiscard]] bool is_tiff_type(PixelType type) noexcept;

}  // namespace framelog
