// Feeds any bytes as a packed frame: the first says by which codec, the next two its size.

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "formats/compression.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  constexpr std::size_t kHead = 3;
  constexpr unsigned kCodecs = 7;
  if (size < kHead) return 0;
  const auto codec = static_cast<Codec>(data[0] % kCodecs);
  const auto type = static_cast<PixelType>((data[0] / kCodecs) % 9U);
  const FrameShape shape{data[1] % 40U + 1U, data[2] % 40U + 1U, type};
  const auto packed = std::as_bytes(std::span(data + kHead, size - kHead));
  // Exactly as large as the shape says, so that a byte too many is found.
  std::vector<std::byte> pixels(size_bytes(shape));
  static_cast<void>(decode_frame(codec, shape, packed, pixels));

  // What is packed comes back.
  if (packed.size() < pixels.size() || codec == Codec::kNone) return 0;
  std::ranges::copy(packed.first(pixels.size()), pixels.begin());
  const auto encoder = make_encoder({codec, codec == Codec::kZstd ? 3 : 0}, shape);
  std::vector<std::byte> into(pixels.size());
  const std::size_t bytes = encoder->encode(pixels, into);
  if (bytes == 0) return 0;
  std::vector<std::byte> again(pixels.size());
  if (!decode_frame(codec, shape, std::span(into).first(bytes), again) || again != pixels) {
    std::abort();
  }
  return 0;
}
