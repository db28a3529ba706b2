#pragma once

#include <hdf5.h>

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "formats/hdf5_tree.hpp"

/// Private to the hdf5_*.cpp files of this folder: whether a foreign dataset can be read in full.
namespace framelog::hdf5 {

/// Extents of a chunk, from a dataset's creation properties; empty for other layouts.
[[nodiscard]] std::vector<hsize_t> chunk_of(hid_t properties, std::size_t rank);

/// Opens a dataset with a cache in which the chunks of consecutive frames find room, so that none
/// is decompressed once per frame.
[[nodiscard]] Handle open_for_frames(hid_t file, const std::string& path);

/// How its values are stored, for people: "contiguous", "chunked, gzip".
[[nodiscard]] std::string storage_text(hid_t dataset);

/// Why it cannot be read in full; empty when it can. kUnsupported: a filter is missing; kCorrupt:
/// parts were never written; kNotFound: a file that it is made of is missing.
[[nodiscard]] Result<void> check_readable(hid_t dataset, const std::filesystem::path& path);

/// The other files that a virtual dataset is made of.
[[nodiscard]] std::vector<std::filesystem::path> virtual_sources(hid_t dataset,
                                                                 const std::filesystem::path& path);

}  // namespace framelog::hdf5
