// Feeds the decoders of packed frames: the first four bytes choose the codec and the frame's shape.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "formats/compression.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  constexpr std::size_t kHead = 4;
  if (size < kHead) return 0;
  const auto codec = static_cast<Codec>(1 + data[0] % static_cast<unsigned>(Codec::kLzw));
  const FrameShape shape{1U + data[2], 1U + data[3], static_cast<PixelType>(data[1] % 9)};
  // Exactly as long as they are, so that a byte too many is found.
  const std::span<const std::uint8_t> rest(data + kHead, size - kHead);
  const std::vector<std::uint8_t> packed(rest.begin(), rest.end());
  std::vector<std::byte> pixels(size_bytes(shape));
  const auto decoded = decode_frame(codec, shape, std::as_bytes(std::span(packed)), pixels);
  if (!decoded && decoded.error().code != ErrorCode::kCorrupt) std::abort();
  if (!decoded) return 0;
  // What has been unpacked once comes back the same from an encoder of ours.
  std::vector<std::byte> again(pixels.size());
  const int level = codec == Codec::kGzip || codec == Codec::kZstd ? 1 : 0;
  again.resize(make_encoder({codec, level}, shape)->encode(pixels, again));
  if (again.empty()) return 0;
  std::vector<std::byte> back(pixels.size());
  if (!decode_frame(codec, shape, again, back) || back != pixels) std::abort();
  return 0;
}
