#pragma once

#include <hdf5.h>

#include <string>
#include <vector>

#include "formats/stored_frames.hpp"

/// Private to the hdf5_*.cpp files of this folder: files of PyMoDAQ 4 and 5, whose attributes are
/// JSON texts of Python values (its serializer: {"module": "builtins", "type": "str", "data":
/// "'um'"}), and whose arrays of a channel have their axes beside them.
namespace framelog::hdf5 {

/// Size of pixels and origin, name and unit of the values, and the provenance that an export puts
/// beside the detector's data; nothing of datasets that are no EnlData00 of a channel.
void take_pymodaq(hid_t file, const std::string& dataset, StoredFacts& facts);

/// The provenance of the first detector of an export, alone or in the first of several scans; empty
/// where there is none.
[[nodiscard]] std::string pymodaq_provenance(hid_t file);

/// Seconds from the first frame on, by the navigation axis of the detector, whose epoch seconds
/// give the start; empty where there is none.
[[nodiscard]] std::vector<double> pymodaq_times(hid_t file, const std::string& dataset,
                                                StoredFacts& facts);

}  // namespace framelog::hdf5
