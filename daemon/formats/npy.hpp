#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/frame.hpp"
#include "formats/stored_frames.hpp"

namespace framelog {

/// A pixel type in NumPy's spelling: "<u2", "|u1", ">f4".
struct NumpyType {
  PixelType type{};
  bool big_endian{};
};

/// Errors: a text for people that names what is allowed.
[[nodiscard]] std::expected<NumpyType, std::string> parse_numpy_type(std::string_view text);

/// Whether the file begins as an NPY file does. False also when it cannot be read.
[[nodiscard]] bool looks_like_npy(FileSystem& files, const std::filesystem::path& path);

/// Opens an NPY file (versions 1.0, 2.0 and 3.0, C order; the format is described in the
/// documentation of numpy.lib.format). Dimensions: see layout_of(). Errors: kNotFound, kDenied,
/// kIo; kInvalid, not a regular file; kCorrupt, not what an NPY file is; kUnsupported, Fortran
/// order, another version, another type of pixel.
[[nodiscard]] Result<StoredFrames> open_npy(FileSystem& files, const std::filesystem::path& path);

}  // namespace framelog
