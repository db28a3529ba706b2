#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/frame.hpp"
#include "formats/packed_pixels.hpp"

namespace framelog {

/// A pixel format of GenICam cameras that can be recorded: one value per pixel, mono or a Bayer
/// mosaic as the sensor has it.
struct CameraFormat {
  std::string_view name;  ///< "BayerRG12p", as the standard spells it.
  std::uint32_t code{};   ///< Of the standard; bits 16 to 23 are the bits that a pixel occupies.
  int bits{};             ///< That carry signal.
  PixelType type{};       ///< In the slot; packed and 10- to 16-bit formats are uint16.
  std::optional<PackedFormat> packed;
};

/// Names and codes: GenICam Pixel Format Naming Convention (PFNC) 2.4, and GigE Vision 1.2 for
/// those that end in "Packed". Null when a format is not recorded. Threads: any.
[[nodiscard]] const CameraFormat* find_camera_format(std::uint32_t code) noexcept;
[[nodiscard]] const CameraFormat* find_camera_format(std::string_view name) noexcept;
/// "Mono8 Mono10 ...", for errors.
[[nodiscard]] std::string camera_formats_text();

/// How a camera lays out the pixels of a frame.
struct CameraLayout {
  CameraFormat format;
  FrameShape shape;
  std::size_t row_padding_bytes{};  ///< Behind each row; without any, packed rows share bytes.
};

/// What the pixels of a frame occupy as the camera sends them.
[[nodiscard]] std::size_t camera_bytes(const CameraLayout& layout) noexcept;

/// Copies a frame into a slot, once, unpacking on the way. `sent` has camera_bytes(layout) or more,
/// `pixels` size_bytes(layout.shape). Allocates nothing. Threads: any.
void copy_camera_pixels(const CameraLayout& layout, std::span<const std::byte> sent,
                        std::span<std::byte> pixels) noexcept;

}  // namespace framelog
