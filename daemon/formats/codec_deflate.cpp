// zlib's streams: HDF5's filter 1 (deflate) behind its filter 2 (shuffle), and TIFF's
// compression 8.

#define ZLIB_CONST  // So that it takes what it only reads as const.
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <vector>

#include "formats/bit_planes.hpp"
#include "formats/codecs.hpp"

namespace framelog::codecs {
namespace {

/// What zlib takes at once; its counts have 32 bits.
uInt piece(std::size_t bytes) noexcept {
  return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
}

/// Lets `step(flush)` of a stream run from all of `from` into `to`. Returns how much it wrote, 0
/// where it did not come to its end.
template <class Step>
std::size_t run(z_stream& stream, std::span<const std::byte> from, std::span<std::byte> to,
                Step step) noexcept {
  std::size_t read = 0;
  std::size_t written = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_in = reinterpret_cast<const Bytef*>(from.data() + read);
    stream.avail_in = piece(from.size() - read);
    stream.next_out = reinterpret_cast<Bytef*>(to.data() + written);
    stream.avail_out = piece(to.size() - written);
    const uInt in = stream.avail_in;
    const uInt out = stream.avail_out;
    state = step(read + in == from.size() ? Z_FINISH : Z_NO_FLUSH);
    if (stream.avail_in == in && stream.avail_out == out && state == Z_OK) break;
    read += in - stream.avail_in;
    written += out - stream.avail_out;
  }
  return state == Z_STREAM_END ? written : 0;
}

class DeflateEncoder final : public FrameEncoder {
 public:
  DeflateEncoder(int level, std::size_t frame_bytes, std::size_t element_bytes)
      : element_bytes_(element_bytes), shuffled_(element_bytes > 1 ? frame_bytes : 0) {
    if (deflateInit(&stream_, level) != Z_OK) throw std::bad_alloc();
  }
  DeflateEncoder(const DeflateEncoder&) = delete;
  DeflateEncoder& operator=(const DeflateEncoder&) = delete;
  ~DeflateEncoder() override { deflateEnd(&stream_); }

  std::size_t encode(std::span<const std::byte> pixels,
                     std::span<std::byte> into) noexcept override {
    deflateReset(&stream_);
    if (element_bytes_ > 1) {
      shuffle_bytes(pixels, shuffled_, element_bytes_);
      pixels = shuffled_;
    }
    const std::size_t packed =
        run(stream_, pixels, into, [this](int flush) { return deflate(&stream_, flush); });
    return packed < pixels.size() ? packed : 0;
  }

 private:
  std::size_t element_bytes_;
  std::vector<std::byte> shuffled_;
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<FrameEncoder> make_deflate(int level, std::size_t frame_bytes,
                                           std::size_t element_bytes) {
  return std::make_unique<DeflateEncoder>(level, frame_bytes, element_bytes);
}

bool inflate_into(std::span<const std::byte> packed, std::span<std::byte> pixels) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  const std::size_t written = run(
      stream, packed, pixels, [&stream](int /*flush*/) { return inflate(&stream, Z_NO_FLUSH); });
  inflateEnd(&stream);
  return written == pixels.size();
}

bool decode_gzip(std::size_t element_bytes, std::span<const std::byte> packed,
                 std::span<std::byte> pixels) {
  if (element_bytes == 1) return inflate_into(packed, pixels);
  const auto shuffled = std::make_unique_for_overwrite<std::byte[]>(pixels.size());
  const std::span<std::byte> bytes(shuffled.get(), pixels.size());
  if (!inflate_into(packed, bytes)) return false;
  unshuffle_bytes(bytes, pixels, element_bytes);
  return true;
}

}  // namespace framelog::codecs
