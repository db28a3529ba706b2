#pragma once

#include "formats/hdf5_layout.hpp"

/// Private to the hdf5_*.cpp files of this folder: what a segment tells of GPIO lines.
namespace framelog::hdf5 {

/// Whose level is which bit of the frame table's column `gpio`; nothing where there are no lines.
void write_lines(Tree& tree, const SegmentDescription& description);
/// Their edges, one NXlog of all lines, both clocks to the nanosecond; nothing where none came.
void write_edges(Tree& tree, const Ending& ending);

}  // namespace framelog::hdf5
