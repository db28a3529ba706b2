#pragma once

#include <cstddef>
#include <span>

namespace framelog {

/// Turns the order of bytes in every pixel around. `pixel_bytes` is 1, 2, 4 or 8, and divides the
/// length. Allocates nothing. Threads: any.
void swap_bytes(std::span<std::byte> pixels, std::size_t pixel_bytes) noexcept;

}  // namespace framelog
