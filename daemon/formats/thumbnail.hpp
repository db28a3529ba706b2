#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// A frame as an 8-bit grey PNG of at most `longest_side_px` (1 or more) in width and height. It is
/// shrunk by the mean of k x k boxes, k the smallest whole number that makes it fit; at the right
/// and lower edge what is left over is a box, too. The mean is of the finite pixels in a box; a box
/// of none is black. The smallest mean becomes black and the largest white; a frame of one value is
/// mid-grey, so that it cannot be taken for an empty one. The text chunk "framelog:range" holds
/// those two values ("12.5 4095", or "none" where no pixel is finite), "framelog:shrink" holds k.
/// Memory: a byte per pixel of the thumbnail, and the file. `pixels`: size_bytes(shape), in the
/// machine's order. Threads: any. Errors: kInvalid, kNoMemory.
[[nodiscard]] Result<std::vector<std::byte>> make_thumbnail(const FrameShape& shape,
                                                            std::span<const std::byte> pixels,
                                                            std::uint32_t longest_side_px = 640);

}  // namespace framelog
