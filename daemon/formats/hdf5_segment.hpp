#pragma once

#include "formats/segment.hpp"

namespace framelog {

/// Uncompressed HDF5 as a skeleton (design page files.md): a whole file made ahead of time by the
/// HDF5 library, then filled with plain bytes. The functions of the table row; see SegmentFormat.
[[nodiscard]] Result<std::unique_ptr<SegmentWriter>> prepare_hdf5(
    FileSystem& files, const std::filesystem::path& stem, const SegmentDescription& description);
[[nodiscard]] Result<ResumedSegment> resume_hdf5(FileSystem& files,
                                                 const std::filesystem::path& part,
                                                 const SegmentDescription& description);
[[nodiscard]] Result<std::unique_ptr<SegmentReader>> open_hdf5(FileSystem& files,
                                                               const std::filesystem::path& path);
[[nodiscard]] Result<void> undo_hdf5(FileSystem& files, const std::filesystem::path& part);
[[nodiscard]] Result<SegmentSummary> finalise_hdf5(FileSystem& files,
                                                   const std::filesystem::path& part,
                                                   std::int64_t frames, const SegmentEnd& end);
[[nodiscard]] Result<void> publish_hdf5(FileSystem& files, const std::filesystem::path& part,
                                        const std::filesystem::path& final_path);

/// What finalising adds behind the pixels, with two thumbnails and the images of a scan.
[[nodiscard]] std::int64_t finalise_bytes(const SegmentDescription& description);

/// NAME.h5.part -> NAME.h5.undo, and the hidden file in which its space is reserved.
[[nodiscard]] std::filesystem::path undo_path(const std::filesystem::path& part);
[[nodiscard]] std::filesystem::path undo_reserve_path(const std::filesystem::path& part);

}  // namespace framelog
