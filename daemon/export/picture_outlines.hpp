#pragma once

#include <vector>

#include "export/media/media_interface.hpp"

namespace framelog {

/// The borders of detectors, each in a colour of its own, and of regions, in `ink`; in pixels of
/// the picture with its edges at 0 and its size, so that the centre of pixel 0 is at 0.5.
[[nodiscard]] std::vector<Outline> make_outlines(const PictureFacts& facts, Rgb ink);

}  // namespace framelog
