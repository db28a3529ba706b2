#pragma once

#include <hdf5.h>

#include <expected>
#include <string>
#include <vector>

#include "core/frame.hpp"
#include "formats/hdf5_tree.hpp"

/// Private to the hdf5_*.cpp files of this folder: which datasets of a file are frames.
namespace framelog::hdf5 {

/// A type of HDF5 that is one of ours.
struct StoredType {
  PixelType type{};
  bool big_endian{};
};

/// Integers and floats as they lie in memory somewhere; enumerations of one byte, which is how h5py
/// stores booleans, are uint8. Errors: what the type is, and which are allowed.
[[nodiscard]] std::expected<StoredType, std::string> stored_type_of(hid_t type);

/// Dimensions of a dataset; empty for a scalar.
[[nodiscard]] std::vector<hsize_t> dimensions_of(hid_t dataset);

/// The path of the dataset with the frames: `wanted`; or else where the NeXus attributes @default
/// and @signal lead to; or else the largest numeric dataset of two to five dimensions. Errors:
/// kNotFound, with the datasets there are; kInvalid, several are equally large.
[[nodiscard]] Result<std::string> find_frames(hid_t file, const std::string& wanted);

}  // namespace framelog::hdf5
