// Feeds any picture to the decoder of Motion JPEG, for frames of a few sizes.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "drivers/jpeg_luma.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint32_t height_px = 1 + (data[0] >> 4U);
  const std::uint32_t width_px = 1 + (data[0] & 15U);
  std::vector<std::byte> pixels(std::size_t{height_px} * width_px);
  const auto picture = std::as_bytes(std::span(data, size)).subspan(1);
  const bool whole = framelog::decode_jpeg_luma(picture, height_px, width_px, pixels);
  if (whole && picture.empty()) std::abort();
  return 0;
}
