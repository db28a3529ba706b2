#pragma once

#include "formats/segment.hpp"

/// HDF5 with compressed frames. The library makes the file, and finishes it; while it is recorded,
/// packed frames are appended as plain bytes, and the few places of HDF5's metadata that tell where
/// they are and how many are written as bytes as well (hdf5_bytes.hpp). So at any time it is a
/// whole and closed file for every reader, with or without SWMR, and nothing is lost with the
/// process. Beside it lies NAME.chunks (chunk_index.hpp), of which it can be made anew.
namespace framelog {

/// As the functions of the table row "hdf5", for a description with compression; see SegmentFormat.
[[nodiscard]] Result<std::unique_ptr<SegmentWriter>> prepare_packed_hdf5(
    FileSystem& files, const std::filesystem::path& stem, const SegmentDescription& description);
[[nodiscard]] Result<ResumedSegment> resume_packed_hdf5(FileSystem& files,
                                                        const std::filesystem::path& part,
                                                        const SegmentDescription& description);

/// Whether a .part, which has not got its name yet, is of compressed frames: by its .chunks, else
/// by what HDF5 says.
[[nodiscard]] bool is_packed_part(FileSystem& files, const std::filesystem::path& part);
/// Of such a .part. Errors: kCorrupt when neither its .chunks nor its metadata can be understood.
[[nodiscard]] Result<std::unique_ptr<SegmentReader>> open_packed_part(
    FileSystem& files, const std::filesystem::path& part);
/// Repeatable, also after it was interrupted, without an undo.
[[nodiscard]] Result<SegmentSummary> finalise_packed_hdf5(FileSystem& files,
                                                          const std::filesystem::path& part,
                                                          std::int64_t frames,
                                                          const SegmentEnd& end);

}  // namespace framelog
