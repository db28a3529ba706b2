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

/// How a camera lays the pixels of a row into memory.
enum class VideoLayout : std::uint8_t {
  kBytes,       ///< One after the other; luma before its chroma planes, too.
  kWords,       ///< 16 bit, the lower byte first, the signal in the lower bits.
  kPacked,      ///< 10 or 12 bit, as in packed_pixels.hpp.
  kEvenBytes,   ///< Luma, chroma, luma, chroma.
  kOddBytes,    ///< Chroma, luma.
  kCompressed,  ///< JPEG.
};

/// A pixel format of V4L2 that can be recorded. Source: the kernel's userspace-api/media/v4l.
struct VideoFormat {
  std::string_view word;  ///< The FourCC without its spaces: "Y10".
  std::string_view meaning;
  VideoLayout layout{};
  int bits{};
  PackedFormat packed{};  ///< Of kPacked.
};

/// All of them, the one to prefer first: mono by its bits, then Bayer mosaics by theirs, then luma.
[[nodiscard]] std::span<const VideoFormat> video_formats() noexcept;
/// Null where such pixels cannot be recorded.
[[nodiscard]] const VideoFormat* find_video_format(std::uint32_t fourcc) noexcept;

/// The number of a FourCC of one to four printable characters; spaces are added behind it.
[[nodiscard]] std::optional<std::uint32_t> fourcc_of(std::string_view word) noexcept;
/// "Y10"; "Y16-BE" where the bit for the other byte order is set.
[[nodiscard]] std::string word_of(std::uint32_t fourcc);

/// What its pixels become in a slot.
[[nodiscard]] PixelType pixel_type_of(const VideoFormat& format) noexcept;
/// Bytes that a row needs in the camera's memory; 0 where it is compressed.
[[nodiscard]] std::size_t row_bytes(const VideoFormat& format, std::uint32_t width_px) noexcept;

/// Copies the rows that `payload` has in full into `pixels` (size_bytes(shape)); the rest becomes
/// zero. Rows of the payload begin `bytes_per_line` apart, which is row_bytes() at least; the last
/// one may lack its padding. Not for kCompressed. Returns the rows copied. Allocates nothing.
[[nodiscard]] std::uint32_t copy_rows(const VideoFormat& format, std::span<const std::byte> payload,
                                      std::size_t bytes_per_line, const FrameShape& shape,
                                      std::span<std::byte> pixels) noexcept;

}  // namespace framelog
