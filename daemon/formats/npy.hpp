#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

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

/// What the header of an NPY file says.
struct NpyHeader {
  std::string descr;  ///< "<u2", "<U12"
  bool fortran_order{};
  std::vector<std::uint64_t> shape;
  std::size_t data_offset{};
};
/// Of the file's first bytes, as many as the header has. Errors: kCorrupt, kUnsupported.
[[nodiscard]] Result<NpyHeader> read_npy_header(std::span<const std::byte> start);

/// The pixels that such an array has; booleans are uint8. Errors: as open_npy().
[[nodiscard]] Result<PixelLayout> npy_layout(const NpyHeader& header);

}  // namespace framelog
