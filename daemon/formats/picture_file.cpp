#include "formats/picture_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace framelog {
namespace {

constexpr std::size_t kBitmapFileHeader = 14;
constexpr std::size_t kBitmapInfoHeader = 40;
constexpr std::size_t kPaletteBytes = std::size_t{256} * 4;

void append(std::vector<std::byte>& bytes, std::uint32_t value, int count) {
  for (int place = 0; place < count; ++place) {
    bytes.push_back(static_cast<std::byte>(value >> (8U * static_cast<unsigned>(place))));
  }
}

Result<void> needs_bytes(const FilePicture& picture, const char* what) {
  if (picture.shape.type == PixelType::kUint8) return {};
  return fail(
      ErrorCode::kUnsupported, what,
      fmt::format("{} (allowed: tif, which takes every type)", name_of(picture.shape.type)));
}

void append_bitmap_headers(std::vector<std::byte>& bytes, const FilePicture& picture,
                           std::size_t pixel_bytes) {
  const std::size_t palette = picture.channels == 1 ? kPaletteBytes : 0;
  const std::size_t offset = kBitmapFileHeader + kBitmapInfoHeader + palette;
  append(bytes, 0x4D42, 2);  // "BM"
  append(bytes, static_cast<std::uint32_t>(offset + pixel_bytes), 4);
  append(bytes, 0, 4);
  append(bytes, static_cast<std::uint32_t>(offset), 4);
  append(bytes, kBitmapInfoHeader, 4);
  append(bytes, picture.shape.width_px, 4);
  append(bytes, picture.shape.height_px, 4);
  append(bytes, 1, 2);  // Planes.
  append(bytes, 8 * picture.channels, 2);
  append(bytes, 0, 4);  // Not compressed.
  append(bytes, static_cast<std::uint32_t>(pixel_bytes), 4);
  const std::uint32_t density = picture.dpi ? pixels_per_metre(*picture.dpi) : 0;
  append(bytes, density, 4);
  append(bytes, density, 4);
  append(bytes, palette > 0 ? 256 : 0, 4);
  append(bytes, 0, 4);
  for (std::uint32_t level = 0; palette > 0 && level < 256; ++level) {
    append(bytes, 0x010101U * level, 4);
  }
}

std::vector<std::byte> with_header(const std::string& header, std::size_t more) {
  std::vector<std::byte> bytes;
  bytes.reserve(header.size() + more);
  for (const char character : header) bytes.push_back(static_cast<std::byte>(character));
  return bytes;
}

}  // namespace

std::uint32_t pixels_per_metre(double dpi) noexcept {
  const double density = std::round(dpi / 0.0254);
  return static_cast<std::uint32_t>(
      std::clamp<double>(density, 1, std::numeric_limits<std::int32_t>::max()));
}

Result<std::vector<std::byte>> encode_bmp(const FilePicture& picture) {
  if (const auto fits = needs_bytes(picture, "a BMP holds uint8 only, this picture is"); !fits) {
    return std::unexpected(fits.error());
  }
  const std::size_t row = std::size_t{picture.shape.width_px} * picture.channels;
  const std::size_t padding = (4 - row % 4) % 4;
  const std::size_t pixel_bytes = (row + padding) * picture.shape.height_px;
  if (pixel_bytes > std::numeric_limits<std::uint32_t>::max() - 2048) {
    return fail(ErrorCode::kInvalid, "a BMP cannot be of 4 GiB; this would be of",
                to_string(picture.shape));
  }
  std::vector<std::byte> bytes;
  bytes.reserve(2048 + pixel_bytes);
  append_bitmap_headers(bytes, picture, pixel_bytes);
  for (std::size_t y = picture.shape.height_px; y-- > 0;) {  // From below, blue first.
    const std::byte* from = picture.pixels.data() + y * row;
    if (picture.channels == 1) {
      bytes.insert(bytes.end(), from, from + row);
    } else {
      for (std::size_t x = 0; x < row; x += 3) {
        bytes.insert(bytes.end(), {from[x + 2], from[x + 1], from[x]});
      }
    }
    bytes.insert(bytes.end(), padding, std::byte{0});
  }
  return bytes;
}

Result<std::vector<std::byte>> encode_pgm(const FilePicture& picture) {
  const PixelType type = picture.shape.type;
  if (picture.channels != 1) {
    return fail(ErrorCode::kUnsupported, "a PGM is grey, this picture has colours",
                "(allowed: ppm, png, tif, jpg, bmp; or the colour map gray)");
  }
  if (type != PixelType::kUint8 && type != PixelType::kUint16) {
    return fail(ErrorCode::kUnsupported, "a PGM holds uint8 and uint16 only, this picture is",
                fmt::format("{} (allowed: tif, which takes every type)", name_of(type)));
  }
  auto bytes = with_header(fmt::format("P5\n{} {}\n{}\n", picture.shape.width_px,
                                       picture.shape.height_px, largest_value(type)),
                           picture.pixels.size());
  const std::size_t head = bytes.size();
  bytes.insert(bytes.end(), picture.pixels.begin(), picture.pixels.end());
  if (type == PixelType::kUint16 && std::endian::native == std::endian::little) {
    for (std::size_t at = head; at + 1 < bytes.size(); at += 2) std::swap(bytes[at], bytes[at + 1]);
  }
  return bytes;
}

Result<std::vector<std::byte>> encode_ppm(const FilePicture& picture) {
  if (const auto fits = needs_bytes(picture, "a PPM holds uint8 only, this picture is"); !fits) {
    return std::unexpected(fits.error());
  }
  auto bytes =
      with_header(fmt::format("P6\n{} {}\n255\n", picture.shape.width_px, picture.shape.height_px),
                  picture.pixels.size() * (picture.channels == 1 ? 3 : 1));
  if (picture.channels == 3) {
    bytes.insert(bytes.end(), picture.pixels.begin(), picture.pixels.end());
    return bytes;
  }
  for (const std::byte level : picture.pixels) bytes.insert(bytes.end(), 3, level);
  return bytes;
}

}  // namespace framelog
