#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// A picture as its file holds it: grey, or RGB with the three values of a pixel one behind the
/// other. Borrows the pixels, which are in the machine's byte order.
struct FilePicture {
  FrameShape shape;
  std::uint32_t channels{1};  ///< 1 or 3; 3 of uint8 only.
  std::span<const std::byte> pixels;
  std::optional<double> dpi;  ///< Pixels per inch that the file tells.
  int jpeg_quality{90};       ///< 1 to 100.
};

/// The whole file. Nothing in it depends on the time or the machine. Threads: any. Errors:
/// kUnsupported, a pixel type or number of channels that the format has not, with what is allowed;
/// kInvalid, a picture larger than the format's; kNoMemory.
/// PNG: uint8 and uint16, RGB of uint8; resolution as pHYs. (PNG, W3C Recommendation)
[[nodiscard]] Result<std::vector<std::byte>> encode_png(const FilePicture& picture);
/// TIFF 6.0: every type, uncompressed; RGB of uint8; XResolution and YResolution.
[[nodiscard]] Result<std::vector<std::byte>> encode_tiff(const FilePicture& picture);
/// JPEG: uint8; density in the JFIF header. (ITU-T T.81 and T.871)
[[nodiscard]] Result<std::vector<std::byte>> encode_jpeg(const FilePicture& picture);
/// Windows bitmap with a BITMAPINFOHEADER: uint8, grey with a palette; pixels per metre.
[[nodiscard]] Result<std::vector<std::byte>> encode_bmp(const FilePicture& picture);
/// Portable grey map, binary (P5): uint8 and uint16, grey only. It tells no resolution.
[[nodiscard]] Result<std::vector<std::byte>> encode_pgm(const FilePicture& picture);
/// Portable pixel map, binary (P6): uint8; grey becomes RGB. It tells no resolution.
[[nodiscard]] Result<std::vector<std::byte>> encode_ppm(const FilePicture& picture);

/// Pixels per metre, as PNG and BMP tell it.
[[nodiscard]] std::uint32_t pixels_per_metre(double dpi) noexcept;

}  // namespace framelog
