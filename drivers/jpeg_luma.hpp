#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framelog {

/// Decodes the luma of one baseline JPEG picture, also of Motion JPEG, which lacks the usual
/// Huffman tables. Fills `pixels`, of height x width bytes, whatever comes. False where the picture
/// is damaged, of another size, progressive (whose time has no bounds) or none at all; then rows
/// that did not come are zero. Nothing is kept from picture to picture, so that a damaged one
/// cannot spoil the next. No operator new; libjpeg takes its working memory, its tables and some
/// rows, by malloc, and returns it. Threads: any.
[[nodiscard]] bool decode_jpeg_luma(std::span<const std::byte> picture, std::uint32_t height_px,
                                    std::uint32_t width_px, std::span<std::byte> pixels) noexcept;

}  // namespace framelog
