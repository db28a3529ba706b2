#pragma once

#include <vector>

#include "formats/segment.hpp"
#include "reduce/detector.hpp"

/// Private to the recording_*.cpp files of this folder.
namespace framelog {

/// The virtual detectors of a segment, whose shapes are told in source pixels or lengths at the
/// sample, in pixels of its own frames. Left out are those that cannot be told so: masks, circles
/// of pixels that are not square, and what is no shape.
[[nodiscard]] std::vector<DetectorSpec> detectors_in_product(const SegmentDescription& segment);

}  // namespace framelog
