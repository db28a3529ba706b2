#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/stored_frames.hpp"

namespace framelog {

/// A stack beside the frames of a bundle.
struct BundleLayer {
  std::string name;
  bool is_mask{};
  std::unique_ptr<StoredFrames> frames;
};

/// A bundle of frames with what belongs to them, as playNano writes them (its documentation,
/// "bundles"): an NPZ, or an HDF5 file with /data at its root.
struct Bundle {
  /// Their times are the bundle's, in facts() the pixel size and the channel.
  std::unique_ptr<StoredFrames> frames;
  std::vector<BundleLayer> layers;          ///< Of as many frames.
  std::vector<std::string> frame_metadata;  ///< JSON of each frame; or empty.
  std::string provenance_json;
};

/// Whether the file is a zip with NumPy arrays. False also when it cannot be read.
[[nodiscard]] bool is_npz(FileSystem& files, const std::filesystem::path& path);
/// Members may be packed. The frames are `data`, or the only array of two to five dimensions; any
/// other array is left out, and pickles are never read. Errors: kIo, kCorrupt; kUnsupported, arrays
/// in Fortran order, other types; kInvalid, several arrays could be the frames.
[[nodiscard]] Result<Bundle> open_npz_bundle(FileSystem& files, const std::filesystem::path& path);
/// The frames alone.
[[nodiscard]] Result<std::unique_ptr<StoredFrames>> open_npz(FileSystem& files,
                                                             const std::filesystem::path& path);

/// None: it is HDF5, but no bundle. Errors: as open_hdf5_frames().
[[nodiscard]] Result<std::optional<Bundle>> open_hdf5_bundle(FileSystem& files,
                                                             const std::filesystem::path& path);

/// One JSON text for each element of an array of objects; empty where it is none of as many.
[[nodiscard]] std::vector<std::string> split_metadata(std::string_view json, std::uint64_t frames);

/// Frames whose times are told beside them: seconds from the first one on, or any other start.
[[nodiscard]] std::unique_ptr<StoredFrames> with_times(std::unique_ptr<StoredFrames> frames,
                                                       std::vector<double> seconds);

/// What a bundle tells of its frames.
struct BundleTexts {
  double pixel_size_nm{};  ///< 0: not told.
  std::string channel, provenance_json;
};
/// with_times(), and the calibration of a bundle of playNano's.
[[nodiscard]] std::unique_ptr<StoredFrames> as_bundle(std::unique_ptr<StoredFrames> frames,
                                                      std::vector<double> seconds,
                                                      BundleTexts texts);

}  // namespace framelog
