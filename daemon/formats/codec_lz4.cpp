// HDF5's filter 32004, as H5Zlz4.c of https://github.com/nexusformat/HDF5-External-Filter-Plugins
// has it: the unpacked size (64 bits) and that of a block (32), and then of each block the packed
// size (32) and its bytes. A block whose packed size is its own is not packed. Numbers have their
// highest byte first.

#include <lz4.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "formats/big_endian.hpp"
#include "formats/codecs.hpp"

namespace framelog::codecs {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kSizeBytes = 4;
constexpr std::size_t kBlockBytes = std::size_t{1} << 30U;  // The plugin's own default.

class Lz4Encoder final : public FrameEncoder {
 public:
  Lz4Encoder() : state_(static_cast<std::size_t>(LZ4_sizeofState())) {}

  std::size_t encode(std::span<const std::byte> pixels,
                     std::span<std::byte> into) noexcept override {
    if (into.size() <= kHeaderBytes) return 0;
    const std::size_t block_bytes = std::min(kBlockBytes, pixels.size());
    store_big_endian(into.data(), std::uint64_t{pixels.size()});
    store_big_endian(into.data() + 8, static_cast<std::uint32_t>(block_bytes));
    std::span<std::byte> rest = into.subspan(kHeaderBytes);
    for (std::size_t at = 0; at < pixels.size(); at += block_bytes) {
      const auto block = pixels.subspan(at, std::min(block_bytes, pixels.size() - at));
      const std::size_t written = put_block(block, rest);
      if (written == 0) return 0;
      rest = rest.subspan(written);
    }
    const std::size_t packed = into.size() - rest.size();
    return packed < pixels.size() ? packed : 0;
  }

 private:
  /// 0 where it does not fit.
  std::size_t put_block(std::span<const std::byte> block, std::span<std::byte> into) noexcept {
    if (into.size() <= kSizeBytes) return 0;
    const std::span<std::byte> room = into.subspan(kSizeBytes);
    const int limit = static_cast<int>(std::min(room.size(), block.size() - 1));
    auto packed = static_cast<std::size_t>(LZ4_compress_fast_extState(
        state_.data(), reinterpret_cast<const char*>(block.data()),
        reinterpret_cast<char*>(room.data()), static_cast<int>(block.size()), limit, 1));
    if (packed == 0) {
      if (room.size() < block.size()) return 0;
      std::ranges::copy(block, room.begin());
      packed = block.size();
    }
    store_big_endian(into.data(), static_cast<std::uint32_t>(packed));
    return kSizeBytes + packed;
  }

  std::vector<std::byte> state_;
};

}  // namespace

std::unique_ptr<FrameEncoder> make_lz4() { return std::make_unique<Lz4Encoder>(); }

bool decode_lz4(std::span<const std::byte> packed, std::span<std::byte> pixels) {
  if (packed.size() < kHeaderBytes) return false;
  const auto block_bytes = load_big_endian<std::uint32_t>(packed.data() + 8);
  if (load_big_endian<std::uint64_t>(packed.data()) != pixels.size()) return false;
  if (block_bytes == 0 || block_bytes > LZ4_MAX_INPUT_SIZE) return false;
  packed = packed.subspan(kHeaderBytes);
  while (!pixels.empty()) {
    if (packed.size() < kSizeBytes) return false;
    const std::size_t size = load_big_endian<std::uint32_t>(packed.data());
    packed = packed.subspan(kSizeBytes);
    const auto block = pixels.first(std::min<std::size_t>(block_bytes, pixels.size()));
    if (size > packed.size() || size > LZ4_MAX_INPUT_SIZE) return false;
    if (size == block.size()) {
      std::ranges::copy(packed.first(size), block.begin());
    } else if (!std::cmp_equal(
                   LZ4_decompress_safe(reinterpret_cast<const char*>(packed.data()),
                                       reinterpret_cast<char*>(block.data()),
                                       static_cast<int>(size), static_cast<int>(block.size())),
                   block.size())) {
      return false;
    }
    packed = packed.subspan(size);
    pixels = pixels.subspan(block.size());
  }
  return packed.empty();
}

}  // namespace framelog::codecs
