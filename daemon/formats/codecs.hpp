#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "formats/compression.hpp"

/// Private to the codec*.cpp and compression.cpp of this folder, and to what registers them with
/// HDF5: each codec by itself. Encoders are FrameEncoders; decoders fill `pixels`, and return
/// whether `packed` gave exactly that much. They never read past `packed`, whatever is in it, and
/// throw std::bad_alloc only. Threads: any.
namespace framelog::codecs {

/// Of zlib. With `element_bytes` above 1 the bytes are shuffled first.
[[nodiscard]] std::unique_ptr<FrameEncoder> make_deflate(int level, std::size_t frame_bytes,
                                                         std::size_t element_bytes);
[[nodiscard]] bool inflate_into(std::span<const std::byte> packed, std::span<std::byte> pixels);
/// inflate_into() and the shuffle undone.
[[nodiscard]] bool decode_gzip(std::size_t element_bytes, std::span<const std::byte> packed,
                               std::span<std::byte> pixels);

[[nodiscard]] std::unique_ptr<FrameEncoder> make_lz4();
[[nodiscard]] bool decode_lz4(std::span<const std::byte> packed, std::span<std::byte> pixels);

[[nodiscard]] std::unique_ptr<FrameEncoder> make_bitshuffle_lz4(std::size_t element_bytes);
[[nodiscard]] bool decode_bitshuffle_lz4(std::size_t element_bytes,
                                         std::span<const std::byte> packed,
                                         std::span<std::byte> pixels);

/// Its other forms, which only other programs write: with Zstandard in LZ4's place, and the bit
/// planes of blocks of `block_bytes` (0: bitshuffle's choice) as they are.
[[nodiscard]] bool decode_bitshuffle_zstd(std::size_t element_bytes,
                                          std::span<const std::byte> packed,
                                          std::span<std::byte> pixels);
[[nodiscard]] bool decode_bitshuffle(std::size_t element_bytes, std::size_t block_bytes,
                                     std::span<const std::byte> planes,
                                     std::span<std::byte> pixels);

[[nodiscard]] std::unique_ptr<FrameEncoder> make_zstd(int level, std::size_t frame_bytes);
[[nodiscard]] bool decode_zstd(std::span<const std::byte> packed, std::span<std::byte> pixels);
/// The size that the bytes claim to have unpacked, which they may lie about; 0: none.
[[nodiscard]] std::uint64_t zstd_told_size(std::span<const std::byte> packed) noexcept;

[[nodiscard]] std::unique_ptr<FrameEncoder> make_lzw();
[[nodiscard]] bool decode_lzw(std::span<const std::byte> packed, std::span<std::byte> pixels);

}  // namespace framelog::codecs
