#pragma once

#include <filesystem>
#include <memory>

#include "core/file_system.hpp"
#include "formats/stored_frames.hpp"

namespace framelog {

/// Whether the file begins as a TIFF does. False also when it cannot be read.
[[nodiscard]] bool is_tiff(FileSystem& files, const std::filesystem::path& path);

/// Opens a classic TIFF or BigTIFF whose pages are frames of one shape and type: one sample per
/// pixel, in strips or tiles, compressed in any way that libtiff knows. Thumbnails and masks of
/// pages are left out. An ImageJ stack of one directory is all of its images. Of OME-TIFF the times
/// (DeltaT, told as monotonic_ns from the start of the acquisition), exposures and settings are
/// told, of pages in this file. All directories are read at once, so that what is cut off is found
/// here. Reading allocates nothing where a page's pixels lie together and are not compressed;
/// libtiff allocates for the others, whose `crc32c` is of the decoded pixels. `files` is borrowed.
/// Errors: kNotFound, kDenied, kIo; kInvalid, not a regular file; kCorrupt, not a TIFF, cut off, or
/// absurd; kUnsupported, another kind of pixels, or ragged pages.
[[nodiscard]] Result<std::unique_ptr<StoredFrames>> open_tiff(FileSystem& files,
                                                              const std::filesystem::path& path);

}  // namespace framelog
