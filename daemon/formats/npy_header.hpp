#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "formats/numpy_type.hpp"

namespace framelog {

/// What an NPY file of version 1.0 begins with, in C order (documentation of numpy.lib.format): its
/// length is a multiple of 64. `type` in NumPy's spelling; a shape of none is a scalar. With
/// `most_bytes` it is filled up to that length, so that one of another shape fits in its place.
[[nodiscard]] std::string npy_header(std::string_view type, std::span<const std::uint64_t> shape,
                                     std::size_t most_bytes = 0);

}  // namespace framelog
