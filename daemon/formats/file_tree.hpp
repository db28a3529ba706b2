#pragma once

#include <filesystem>
#include <string>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// What is in a file of frames of any program, indented, for people: groups, datasets and values of
/// HDF5, the members of an NPZ, and what else describes itself (TIFF, NPY, RAW, MIB). Errors: those
/// of opening; kUnsupported, no format that is known.
[[nodiscard]] Result<std::string> describe_file(FileSystem& files,
                                                const std::filesystem::path& path);

/// Of an HDF5 file.
[[nodiscard]] Result<std::string> describe_hdf5_file(const std::filesystem::path& path);

}  // namespace framelog
