#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "formats/stored_frames.hpp"

namespace framelog {

/// Whether the file has the signature of HDF5, behind a user block too. False also when it cannot
/// be read.
[[nodiscard]] bool is_hdf5(FileSystem& files, const std::filesystem::path& path);

/// Opens one dataset of an HDF5 file, of two to five dimensions: (y, x) one frame, (n, y, x),
/// (sy, sx, y, x), or (t, sy, sx, y, x). `dataset` is its path; where it is empty the NeXus default
/// or the largest one is taken. Of a segment of ours, finished or a .part, the records are read as
/// well, and of a .part only the frames that are complete.
///
/// Contiguous and uncompressed datasets, also in chunks of whole frames, are read past HDF5; with
/// the others reading allocates. gzip, LZ4, bitshuffle and Zstandard need no plugin.
///
/// Errors: kNotFound, kDenied, kIo; kInvalid, not a regular file, or several datasets could be
/// meant; kNotFound, no such dataset; kUnsupported, other types, or a filter that this HDF5 does
/// not have; kCorrupt, not HDF5, damaged, or frames that were never written.
[[nodiscard]] Result<std::unique_ptr<StoredFrames>> open_hdf5_frames(
    FileSystem& files, const std::filesystem::path& path, const std::string& dataset = {});

/// The provenance of a whole file as segments and exports of every layout hold it; empty where
/// there is none. Errors: kNotFound, kIo; kCorrupt, not HDF5, or damaged.
[[nodiscard]] Result<std::string> hdf5_provenance(const std::filesystem::path& path);

}  // namespace framelog
