// HDF5's filter 32008 with LZ4, as bshuf_h5filter.c of https://github.com/kiyo-masui/bitshuffle has
// it: the unpacked size (64 bits) and that of a block (32), and then of each block the packed size
// (32) and LZ4's bytes of its bit planes. The last block is as many elements as are left, in
// eights; what is left behind it is not packed. Numbers have their highest byte first.

#include <lz4.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "formats/big_endian.hpp"
#include "formats/bit_planes.hpp"
#include "formats/codecs.hpp"

namespace framelog::codecs {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kSizeBytes = 4;
// The plugin's own default: with LZ4's table of 16 KiB it stays in the smallest first cache. Blocks
// of 16 KiB are an eighth faster where that cache has 32 KiB or more to spare, and 1 % smaller.
constexpr std::size_t kBlockBytes = 8192;
constexpr std::size_t kFewestElements = 128;  // Of a block, in the plugin's choice.

class BitshuffleEncoder final : public FrameEncoder {
 public:
  explicit BitshuffleEncoder(std::size_t element_bytes)
      : element_bytes_(element_bytes),
        planes_(kBlockBytes),
        state_(static_cast<std::size_t>(LZ4_sizeofState())) {}

  std::size_t encode(std::span<const std::byte> pixels,
                     std::span<std::byte> into) noexcept override {
    if (into.size() <= kHeaderBytes) return 0;
    store_big_endian(into.data(), std::uint64_t{pixels.size()});
    store_big_endian(into.data() + 8, static_cast<std::uint32_t>(kBlockBytes));
    std::span<std::byte> room = into.subspan(kHeaderBytes);
    std::span<const std::byte> rest = pixels;
    const std::size_t eight_bytes = 8 * element_bytes_;
    while (rest.size() >= eight_bytes) {
      const auto block = rest.first(std::min(kBlockBytes, rest.size() / eight_bytes * eight_bytes));
      const std::size_t written = put_block(block, room);
      if (written == 0) return 0;
      room = room.subspan(written);
      rest = rest.subspan(block.size());
    }
    if (rest.size() > room.size()) return 0;
    std::ranges::copy(rest, room.begin());
    const std::size_t packed = into.size() - room.size() + rest.size();
    return packed < pixels.size() ? packed : 0;
  }

 private:
  /// 0 where it does not fit.
  std::size_t put_block(std::span<const std::byte> block, std::span<std::byte> into) noexcept {
    if (into.size() <= kSizeBytes) return 0;
    const std::span<std::byte> planes = std::span(planes_).first(block.size());
    split_bits(block, planes, element_bytes_);
    // LZ4 is faster where it need not ask at each step whether there is room.
    const auto most = static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(block.size())));
    const std::size_t room = std::min(most, into.size() - kSizeBytes);
    const int packed =
        LZ4_compress_fast_extState(state_.data(), reinterpret_cast<const char*>(planes.data()),
                                   reinterpret_cast<char*>(into.data() + kSizeBytes),
                                   static_cast<int>(block.size()), static_cast<int>(room), 1);
    if (packed <= 0) return 0;
    store_big_endian(into.data(), static_cast<std::uint32_t>(packed));
    return kSizeBytes + static_cast<std::size_t>(packed);
  }

  std::size_t element_bytes_;
  std::vector<std::byte> planes_;
  std::vector<std::byte> state_;
};

/// Unpacks one block; returns whether it gave exactly `planes`.
using Unpack = bool (*)(std::span<const std::byte> packed, std::span<std::byte> planes);

bool unpack_lz4(std::span<const std::byte> packed, std::span<std::byte> planes) {
  if (packed.size() > LZ4_MAX_INPUT_SIZE) return false;
  const int unpacked = LZ4_decompress_safe(
      reinterpret_cast<const char*>(packed.data()), reinterpret_cast<char*>(planes.data()),
      static_cast<int>(packed.size()), static_cast<int>(planes.size()));
  return std::cmp_equal(unpacked, planes.size());
}

/// Takes one block off the front of `packed`.
bool take_block(std::span<const std::byte>& packed, std::span<std::byte> planes, Unpack unpack) {
  if (packed.size() < kSizeBytes) return false;
  const std::size_t size = load_big_endian<std::uint32_t>(packed.data());
  packed = packed.subspan(kSizeBytes);
  if (size > packed.size()) return false;
  const auto block = packed.first(size);
  packed = packed.subspan(size);
  return unpack(block, planes);
}

/// The next block of what is left: as large as can be, of elements in eights.
std::span<std::byte> next_block(std::span<std::byte> pixels, std::size_t block_bytes,
                                std::size_t eight_bytes) {
  return pixels.first(std::min(block_bytes, pixels.size() / eight_bytes * eight_bytes));
}

bool decode_blocks(std::size_t element_bytes, std::span<const std::byte> packed,
                   std::span<std::byte> pixels, Unpack unpack) {
  if (packed.size() < kHeaderBytes) return false;
  const std::size_t eight_bytes = 8 * element_bytes;
  const std::size_t block_bytes = load_big_endian<std::uint32_t>(packed.data() + 8);
  if (load_big_endian<std::uint64_t>(packed.data()) != pixels.size()) return false;
  if (block_bytes == 0 || block_bytes % eight_bytes != 0 || block_bytes > LZ4_MAX_INPUT_SIZE) {
    return false;
  }
  packed = packed.subspan(kHeaderBytes);
  const std::size_t scratch_bytes = std::min(block_bytes, pixels.size());
  const auto scratch = std::make_unique_for_overwrite<std::byte[]>(scratch_bytes);
  while (pixels.size() >= eight_bytes) {
    const auto block = next_block(pixels, block_bytes, eight_bytes);
    const std::span<std::byte> planes(scratch.get(), block.size());
    if (!take_block(packed, planes, unpack)) return false;
    join_bits(planes, block, element_bytes);
    pixels = pixels.subspan(block.size());
  }
  if (packed.size() != pixels.size()) return false;
  std::ranges::copy(packed, pixels.begin());
  return true;
}

}  // namespace

std::unique_ptr<FrameEncoder> make_bitshuffle_lz4(std::size_t element_bytes) {
  return std::make_unique<BitshuffleEncoder>(element_bytes);
}

bool decode_bitshuffle_lz4(std::size_t element_bytes, std::span<const std::byte> packed,
                           std::span<std::byte> pixels) {
  return decode_blocks(element_bytes, packed, pixels, unpack_lz4);
}

bool decode_bitshuffle_zstd(std::size_t element_bytes, std::span<const std::byte> packed,
                            std::span<std::byte> pixels) {
  return decode_blocks(element_bytes, packed, pixels, decode_zstd);
}

bool decode_bitshuffle(std::size_t element_bytes, std::size_t block_bytes,
                       std::span<const std::byte> planes, std::span<std::byte> pixels) {
  const std::size_t eight_bytes = 8 * element_bytes;
  if (block_bytes == 0) {
    block_bytes = std::max(kBlockBytes / eight_bytes, kFewestElements / 8) * eight_bytes;
  }
  if (planes.size() != pixels.size() || block_bytes % eight_bytes != 0) return false;
  while (pixels.size() >= eight_bytes) {
    const auto block = next_block(pixels, block_bytes, eight_bytes);
    join_bits(planes.first(block.size()), block, element_bytes);
    planes = planes.subspan(block.size());
    pixels = pixels.subspan(block.size());
  }
  std::ranges::copy(planes, pixels.begin());
  return true;
}

}  // namespace framelog::codecs
