#pragma once

#include <hdf5.h>

#include <string>
#include <vector>

#include "formats/stored_frames.hpp"

/// Private to the hdf5_*.cpp files of this folder: what any HDF5 file says of the scale of its
/// frames.
namespace framelog::hdf5 {

/// Fills in sizes of pixels and steps of a scan, unit of the values, title and provenance of the
/// frames in `dataset`: by the axes of a NeXus group (attribute `axes` of the group that it is
/// linked in; https://manual.nexusformat.org/classes/base_classes/NXdata.html), else by the
/// axistags that vigra and ilastik write. `facts` has shape, frames and scan.
void take_calibration(hid_t file, const std::string& dataset, StoredFacts& facts);

/// The provenance that a file has for all that is in it; empty where there is none.
[[nodiscard]] std::string read_provenance(hid_t file);

/// Seconds of each frame, by a NeXus axis of time; empty where there is none.
[[nodiscard]] std::vector<double> frame_times(hid_t file, const std::string& dataset,
                                              StoredFacts& facts);

}  // namespace framelog::hdf5
