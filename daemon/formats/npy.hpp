#pragma once

#include <filesystem>

#include "formats/numpy_type.hpp"
#include "formats/stored_frames.hpp"

namespace framelog {

/// Whether the file begins as an NPY file does. False also when it cannot be read.
[[nodiscard]] bool looks_like_npy(FileSystem& files, const std::filesystem::path& path);

/// Opens an NPY file (versions 1.0, 2.0 and 3.0; the format is described in the documentation of
/// numpy.lib.format), in C or Fortran order, of either endianness. Dimensions: see layout_of();
/// booleans are uint8. Errors: kNotFound, kDenied, kIo; kInvalid, not a regular file; kCorrupt, not
/// what an NPY file is; kUnsupported, another version, another type of pixel; kNoMemory.
[[nodiscard]] Result<std::unique_ptr<StoredFrames>> open_npy(FileSystem& files,
                                                             const std::filesystem::path& path);

}  // namespace framelog
