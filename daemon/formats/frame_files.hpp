#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "formats/raw_file.hpp"
#include "formats/stored_frames.hpp"

namespace framelog {

/// What the user says of the files to be read.
struct FrameFileRequest {
  std::optional<RawGeometry> geometry;  ///< For files that do not describe themselves.
  std::string dataset;                  ///< In an HDF5 file; empty: the one that it means.
};

/// One row of the table of readable formats.
struct FrameFileFormat {
  std::string_view name;                         ///< "HDF5"
  std::span<const std::string_view> extensions;  ///< ".h5", in lower case.
  /// By the content. False also when it cannot be read.
  bool (*recognises)(FileSystem& files, const std::filesystem::path& path);
  Result<std::unique_ptr<StoredFrames>> (*open)(FileSystem& files,
                                                const std::filesystem::path& path,
                                                const FrameFileRequest& request);
};

[[nodiscard]] std::span<const FrameFileFormat> frame_file_formats() noexcept;

/// "HDF5 (.h5 .hdf5), NPY (.npy)": all of them, for people.
[[nodiscard]] std::string frame_file_formats_text();

/// Opens a file of frames; or all files of a directory, or that a pattern (`frames_*.tif`) fits, as
/// one recording in the natural order of their names. The format is known by the content, else by
/// the extension; a file of neither needs a geometry.
/// Errors: kNotFound, kDenied, kIo; kInvalid, not a regular file, or a request that does not fit;
/// kUnsupported, unknown format, with those that are known; and those of the format.
[[nodiscard]] Result<std::unique_ptr<StoredFrames>> open_frame_file(
    FileSystem& files, const std::filesystem::path& path, const FrameFileRequest& request = {});

}  // namespace framelog
