#include "drivers/v4l2_format.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace framelog {
namespace {

using enum VideoLayout;
using enum PackedFormat;

constexpr std::array<VideoFormat, 41> kFormats{{
    {"Y16", "mono 16 bit", kWords, 16},
    {"Y14", "mono 14 bit", kWords, 14},
    {"Y12", "mono 12 bit", kWords, 12},
    {"Y12P", "mono 12 bit, packed", kPacked, 12, kY12P},
    {"Y10", "mono 10 bit", kWords, 10},
    {"Y10P", "mono 10 bit, packed", kPacked, 10, kY10P},
    {"GREY", "mono 8 bit", kBytes, 8},
    {"BYR2", "Bayer BGGR 16 bit", kWords, 16},
    {"GB16", "Bayer GBRG 16 bit", kWords, 16},
    {"GR16", "Bayer GRBG 16 bit", kWords, 16},
    {"RG16", "Bayer RGGB 16 bit", kWords, 16},
    {"BG14", "Bayer BGGR 14 bit", kWords, 14},
    {"GB14", "Bayer GBRG 14 bit", kWords, 14},
    {"GR14", "Bayer GRBG 14 bit", kWords, 14},
    {"RG14", "Bayer RGGB 14 bit", kWords, 14},
    {"BG12", "Bayer BGGR 12 bit", kWords, 12},
    {"GB12", "Bayer GBRG 12 bit", kWords, 12},
    {"BA12", "Bayer GRBG 12 bit", kWords, 12},
    {"RG12", "Bayer RGGB 12 bit", kWords, 12},
    {"pBCC", "Bayer BGGR 12 bit, packed", kPacked, 12, kY12P},
    {"pGCC", "Bayer GBRG 12 bit, packed", kPacked, 12, kY12P},
    {"pgCC", "Bayer GRBG 12 bit, packed", kPacked, 12, kY12P},
    {"pRCC", "Bayer RGGB 12 bit, packed", kPacked, 12, kY12P},
    {"BG10", "Bayer BGGR 10 bit", kWords, 10},
    {"GB10", "Bayer GBRG 10 bit", kWords, 10},
    {"BA10", "Bayer GRBG 10 bit", kWords, 10},
    {"RG10", "Bayer RGGB 10 bit", kWords, 10},
    {"pBAA", "Bayer BGGR 10 bit, packed", kPacked, 10, kY10P},
    {"pGAA", "Bayer GBRG 10 bit, packed", kPacked, 10, kY10P},
    {"pgAA", "Bayer GRBG 10 bit, packed", kPacked, 10, kY10P},
    {"pRAA", "Bayer RGGB 10 bit, packed", kPacked, 10, kY10P},
    {"BA81", "Bayer BGGR 8 bit", kBytes, 8},
    {"GBRG", "Bayer GBRG 8 bit", kBytes, 8},
    {"GRBG", "Bayer GRBG 8 bit", kBytes, 8},
    {"RGGB", "Bayer RGGB 8 bit", kBytes, 8},
    {"YUYV", "luma of YUV 4:2:2", kEvenBytes, 8},
    {"UYVY", "luma of YUV 4:2:2", kOddBytes, 8},
    {"NV12", "luma of YUV 4:2:0", kBytes, 8},
    {"YU12", "luma of YUV 4:2:0", kBytes, 8},
    {"MJPG", "luma of Motion JPEG", kCompressed, 8},
    {"JPEG", "luma of JPEG", kCompressed, 8},
}};

constexpr std::uint32_t kOtherByteOrder = 1U << 31U;

constexpr bool is_printable(char character) noexcept { return character > ' ' && character < 127; }

void copy_row(const VideoFormat& format, std::span<const std::byte> row, std::uint32_t width_px,
              std::byte* to) noexcept {
  switch (format.layout) {
    case kBytes:
    case kWords:
      std::memcpy(to, row.data(), row.size());
      return;
    case kPacked:
      // Slots are aligned, and rows of two-byte pixels keep that to the pixel.
      unpack(format.packed, row, {reinterpret_cast<std::uint16_t*>(to), width_px});
      return;
    case kEvenBytes:
    case kOddBytes: {
      const std::byte* from = row.data() + (format.layout == kOddBytes ? 1 : 0);
      for (std::uint32_t x = 0; x < width_px; ++x) to[x] = from[2 * std::size_t{x}];
      return;
    }
    case kCompressed:
      return;
  }
}

}  // namespace

std::span<const VideoFormat> video_formats() noexcept { return kFormats; }

const VideoFormat* find_video_format(std::uint32_t fourcc) noexcept {
  const auto* found = std::ranges::find_if(
      kFormats, [&](const VideoFormat& format) { return fourcc_of(format.word) == fourcc; });
  return found == kFormats.end() ? nullptr : found;
}

std::optional<std::uint32_t> fourcc_of(std::string_view word) noexcept {
  if (word.empty() || word.size() > 4 || !std::ranges::all_of(word, is_printable)) {
    return std::nullopt;
  }
  std::uint32_t fourcc = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const char character = i < word.size() ? word[i] : ' ';
    fourcc |= std::uint32_t{static_cast<unsigned char>(character)} << (8 * i);
  }
  return fourcc;
}

std::string word_of(std::uint32_t fourcc) {
  std::string word;
  for (unsigned i = 0; i < 4; ++i) {
    const auto character = static_cast<char>((fourcc & ~kOtherByteOrder) >> (8 * i) & 0xFFU);
    word += is_printable(character) || character == ' ' ? character : '?';
  }
  word.erase(word.find_last_not_of(' ') + 1);
  return (fourcc & kOtherByteOrder) != 0 ? word + "-BE" : word;
}

PixelType pixel_type_of(const VideoFormat& format) noexcept {
  return format.bits > 8 ? PixelType::kUint16 : PixelType::kUint8;
}

std::size_t row_bytes(const VideoFormat& format, std::uint32_t width_px) noexcept {
  switch (format.layout) {
    case kBytes:
      return width_px;
    case kWords:
    case kEvenBytes:
    case kOddBytes:
      return 2 * std::size_t{width_px};
    case kPacked:
      return packed_bytes(format.packed, width_px);
    case kCompressed:
      break;
  }
  return 0;
}

std::uint32_t copy_rows(const VideoFormat& format, std::span<const std::byte> payload,
                        std::size_t bytes_per_line, const FrameShape& shape,
                        std::span<std::byte> pixels) noexcept {
  const std::size_t row = row_bytes(format, shape.width_px);
  const std::size_t slot_row = size_bytes(shape.type) * shape.width_px;
  std::size_t rows = 0;
  if (payload.size() >= row) rows = (payload.size() - row) / bytes_per_line + 1;
  rows = std::min<std::size_t>(rows, shape.height_px);
  if (bytes_per_line == row && (format.layout == kBytes || format.layout == kWords)) {
    std::memcpy(pixels.data(), payload.data(), rows * row);
  } else {
    for (std::size_t y = 0; y < rows; ++y) {
      copy_row(format, payload.subspan(y * bytes_per_line, row), shape.width_px,
               pixels.data() + y * slot_row);
    }
  }
  std::ranges::fill(pixels.subspan(rows * slot_row), std::byte{0});
  return static_cast<std::uint32_t>(rows);
}

}  // namespace framelog
