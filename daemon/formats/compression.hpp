#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// How the bytes of a frame are packed in a file.
enum class Codec : std::uint8_t {
  kNone,
  kGzip,           ///< HDF5: shuffle, then deflate (filters 2 and 1).
  kLz4,            ///< HDF5: filter 32004.
  kBitshuffleLz4,  ///< HDF5: filter 32008 with LZ4.
  kZstd,           ///< HDF5: filter 32015; TIFF: compression 50000.
  kDeflate,        ///< TIFF: compression 8.
  kLzw,            ///< TIFF: compression 5.
};

struct Compression {
  Codec codec{Codec::kNone};
  int level{};  ///< Of gzip (0 to 9), Zstandard (1 to 19); of the others 0.
  friend bool operator==(const Compression&, const Compression&) = default;
};

/// "none", "gzip-4", "lz4", "bitshuffle-lz4", "zstd-3", "zstd" (level 3), "deflate", "lzw". Errors:
/// kInvalid with what is allowed.
[[nodiscard]] Result<Compression> parse_compression(std::string_view text);
/// As parse_compression() reads it.
[[nodiscard]] std::string to_string(const Compression& compression);

/// Packs frames of one shape, one by one. Threads: one.
class FrameEncoder {
 public:
  virtual ~FrameEncoder() = default;
  /// Packs a frame's bytes, as they shall be in the file, into `into`, which is as large as the
  /// frame. Returns the packed size in bytes; 0 when it would not be smaller: the frame then goes
  /// into the file as it is. Allocates nothing.
  [[nodiscard]] virtual std::size_t encode(std::span<const std::byte> pixels,
                                           std::span<std::byte> into) noexcept = 0;
};

/// Null for Codec::kNone. Throws std::bad_alloc.
[[nodiscard]] std::unique_ptr<FrameEncoder> make_encoder(const Compression& compression,
                                                         const FrameShape& shape);

/// Unpacks what an encoder of that codec has packed, or the HDF5 filter or TIFF compression of that
/// name in another program. `pixels` has the frame's size. Threads: any. Errors: kCorrupt when the
/// packed bytes are damaged or give another size.
[[nodiscard]] Result<void> decode_frame(Codec codec, const FrameShape& shape,
                                        std::span<const std::byte> packed,
                                        std::span<std::byte> pixels);

}  // namespace framelog
