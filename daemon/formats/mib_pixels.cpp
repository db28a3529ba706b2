// The pixels behind a Merlin header.

#include <cstring>

#include "formats/byte_order.hpp"
#include "formats/mib_header.hpp"

namespace framelog {
namespace {

// Twice the widest array of chips that is built, and far from where products overflow.
constexpr std::uint32_t kLongestSidePx = 16384;
constexpr std::size_t kGroupBytes = 8;

/// Pixels that lie in the eight bytes of a group, in reverse order.
std::uint32_t pixels_per_group(int bit_depth) noexcept {
  if (bit_depth == 1) return 64;
  return bit_depth == 6 ? 8 : 4;
}

PixelType type_of_words(std::uint32_t bits) noexcept {
  if (bits == 8) return PixelType::kUint8;
  return bits == 16 ? PixelType::kUint16 : PixelType::kUint32;
}

Result<MibPixels> raw_pixels(const MibHeader& header) noexcept {
  constexpr auto kUnsupported = ErrorCode::kUnsupported;
  const bool deep = header.bit_depth == 24;
  if (header.bit_depth == 0) {
    return fail(ErrorCode::kCorrupt, "raw Merlin pixels without a bit depth of 1, 6, 12 or 24");
  }
  if (header.chips != 1 && !header.quad) {
    return fail(kUnsupported, "raw Merlin pixels of chips that are not 1x1 or 2x2");
  }
  if (header.quad && deep) {
    return fail(kUnsupported, "raw Merlin pixels of 24 bit from four chips (allowed: 1, 6, 12)");
  }
  // The two images of 12 bit are written as one of twice the width.
  const std::uint32_t width_px = header.width_px / (deep ? 2 : 1);
  const std::uint32_t group_px = pixels_per_group(header.bit_depth);
  if (header.width_px % (group_px * (deep ? 2 : 1) * (header.quad ? 4 : 1)) != 0) {
    return fail(ErrorCode::kCorrupt, "raw Merlin pixels in rows that are not whole 64-bit words");
  }
  const std::size_t row_bytes = std::size_t{header.width_px} / group_px * kGroupBytes;
  MibPixels pixels{{header.height_px, width_px, PixelType::kUint8}, row_bytes * header.height_px};
  if (header.bit_depth == 12) pixels.shape.type = PixelType::kUint16;
  if (deep) pixels.shape.type = PixelType::kUint32;
  if (header.quad) {
    pixels.shape.height_px *= 2;
    pixels.shape.width_px /= 2;
  }
  return pixels;
}

std::uint16_t big_endian_word(const std::byte* at) noexcept {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(at[0]) << 8U |
                                    std::to_integer<unsigned>(at[1]));
}

template <class T>
void store(std::byte* pixels, std::size_t index, T value) noexcept {
  std::memcpy(pixels + index * sizeof(T), &value, sizeof(T));
}

/// One row of groups; pixels become bytes (1 and 6 bit) or 16-bit words (12 bit).
void decode_groups(const std::byte* raw, std::uint32_t pixels_px, int bit_depth,
                   std::byte* to) noexcept {
  for (std::uint32_t start = 0; start < pixels_px; start += pixels_per_group(bit_depth)) {
    for (std::size_t i = 0; i < kGroupBytes; ++i) {
      const std::byte byte = raw[kGroupBytes - 1 - i];
      if (bit_depth == 6) to[start + i] = byte;
      for (std::size_t bit = 0; bit_depth == 1 && bit < 8; ++bit) {
        to[start + i * 8 + bit] = byte >> bit & std::byte{1};
      }
    }
    for (std::size_t i = 0; bit_depth == 12 && i < 4; ++i) {
      store(to, start + i, big_endian_word(raw + (3 - i) * 2));
    }
    raw += kGroupBytes;
  }
}

template <class T>
void reverse_row(std::byte* row, std::uint32_t width_px) noexcept {
  for (std::size_t left = 0, right = width_px; left + 1 < right; ++left) {
    T first{};
    T last{};
    --right;
    std::memcpy(&first, row + left * sizeof(T), sizeof(T));
    std::memcpy(&last, row + right * sizeof(T), sizeof(T));
    store(row, left, last);
    store(row, right, first);
  }
}

/// Each row of the file holds one of each chip, the lower right first, then lower left, upper right
/// and upper left. The lower two are read out from their other end.
void decode_quad(const MibHeader& header, std::span<const std::byte> raw,
                 std::byte* pixels) noexcept {
  const std::size_t row_bytes = raw.size() / header.height_px;
  const std::uint32_t chip_px = header.width_px / 4;
  const std::size_t pixel_bytes = header.bit_depth == 12 ? 2 : 1;
  for (std::uint32_t y = 0; y < 2 * header.height_px; ++y) {
    const bool lower = y >= header.height_px;
    const std::uint32_t file_row = lower ? 2 * header.height_px - 1 - y : y;
    for (std::uint32_t right = 0; right < 2; ++right) {
      const std::size_t chip = (lower ? 1U : 3U) - right;
      std::byte* to = pixels + (std::size_t{2} * y + right) * chip_px * pixel_bytes;
      decode_groups(raw.data() + file_row * row_bytes + chip * row_bytes / 4, chip_px,
                    header.bit_depth, to);
      if (lower && pixel_bytes == 1) reverse_row<std::uint8_t>(to, chip_px);
      if (lower && pixel_bytes == 2) reverse_row<std::uint16_t>(to, chip_px);
    }
  }
}

/// The upper twelve bits of all pixels, then the lower ones.
void decode_deep(std::span<const std::byte> raw, std::byte* pixels) noexcept {
  const std::byte* high = raw.data();
  const std::byte* low = raw.data() + raw.size() / 2;
  for (std::size_t start = 0; start < raw.size() / 4; start += 4) {
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t at = (start + 3 - i) * 2;
      store(pixels, start + i,
            std::uint32_t{big_endian_word(high + at)} << 12U | big_endian_word(low + at));
    }
  }
}

void decode_words(std::span<const std::byte> raw, std::uint32_t bits,
                  std::span<std::byte> pixels) noexcept {
  if (pixels.data() != raw.data()) std::memcpy(pixels.data(), raw.data(), raw.size());
  swap_bytes(pixels, bits / 8);
}

}  // namespace

Result<MibPixels> mib_pixels(const MibHeader& header) noexcept {
  if (header.width_px == 0 || header.height_px == 0 || header.width_px > kLongestSidePx ||
      header.height_px > kLongestSidePx) {
    return fail(ErrorCode::kCorrupt, "a Merlin frame of an absurd shape (allowed: 1 to 16384 px)");
  }
  if (header.raw) return raw_pixels(header);
  const FrameShape shape{header.height_px, header.width_px, type_of_words(header.word_bits)};
  return MibPixels{shape, size_bytes(shape)};
}

void decode_mib(const MibHeader& header, std::span<const std::byte> raw,
                std::span<std::byte> pixels) noexcept {
  if (!header.raw) return decode_words(raw, header.word_bits, pixels);
  if (header.quad) return decode_quad(header, raw, pixels.data());
  if (header.bit_depth == 24) return decode_deep(raw, pixels.data());
  const auto count =
      static_cast<std::uint32_t>(raw.size() / kGroupBytes) * pixels_per_group(header.bit_depth);
  decode_groups(raw.data(), count, header.bit_depth, pixels.data());
}

}  // namespace framelog
