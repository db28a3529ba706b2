#pragma once

#include <hdf5.h>

#include <functional>
#include <string>

#include "core/result.hpp"

/// Private to the hdf5_*.cpp files of this folder.
namespace framelog::hdf5 {

/// Told of an object: its path from the root on ("/", "/entry/data"), and what it is.
using ObjectVisit = std::function<void(const std::string& path, H5O_type_t type)>;

/// Tells of the root and of every object below it, once each, groups before their members, by name.
/// Error: kCorrupt, where the file does not let itself be walked through; a damaged one may lead
/// back to where it came from, and the library would go round for ever. Threads: any.
[[nodiscard]] Result<void> walk_through(hid_t file, const ObjectVisit& visit);

}  // namespace framelog::hdf5
