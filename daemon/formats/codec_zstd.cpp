// Zstandard's frames: HDF5's filter 32015, and TIFF's compression 50000.

#include <zstd.h>

#include <new>
#include <vector>

#include "formats/codecs.hpp"

namespace framelog::codecs {
namespace {

class ZstdEncoder final : public FrameEncoder {
 public:
  ZstdEncoder(int level, std::size_t frame_bytes) : context_(ZSTD_createCCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    // A context gets its memory with the first frame of a size, and keeps it.
    const std::vector<std::byte> frame(frame_bytes);
    std::vector<std::byte> packed(ZSTD_compressBound(frame_bytes));
    if (compress(frame, packed) == 0) throw std::bad_alloc();
  }

  std::size_t encode(std::span<const std::byte> pixels,
                     std::span<std::byte> into) noexcept override {
    const std::size_t packed = compress(pixels, into);
    return packed < pixels.size() ? packed : 0;
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  };

  std::size_t compress(std::span<const std::byte> pixels, std::span<std::byte> into) noexcept {
    const std::size_t packed =
        ZSTD_compress2(context_.get(), into.data(), into.size(), pixels.data(), pixels.size());
    return ZSTD_isError(packed) == 0 ? packed : 0;
  }

  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

std::unique_ptr<FrameEncoder> make_zstd(int level, std::size_t frame_bytes) {
  return std::make_unique<ZstdEncoder>(level, frame_bytes);
}

bool decode_zstd(std::span<const std::byte> packed, std::span<std::byte> pixels) {
  const std::size_t unpacked =
      ZSTD_decompress(pixels.data(), pixels.size(), packed.data(), packed.size());
  return ZSTD_isError(unpacked) == 0 && unpacked == pixels.size();
}

std::uint64_t zstd_told_size(std::span<const std::byte> packed) noexcept {
  const auto told = ZSTD_getFrameContentSize(packed.data(), packed.size());
  return told == ZSTD_CONTENTSIZE_UNKNOWN || told == ZSTD_CONTENTSIZE_ERROR ? 0 : told;
}

}  // namespace framelog::codecs
