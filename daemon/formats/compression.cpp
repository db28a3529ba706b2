#include "formats/compression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/text.hpp"
#include "formats/codecs.hpp"

namespace framelog {
namespace {

/// Frames of counts (Poisson, mean 2) take 5 times as long with libtiff's 6, to be 4 % smaller.
constexpr int kDeflateLevel = 4;

struct CodecName {
  Codec codec{};
  std::string_view name;
  int lowest_level{};
  int highest_level{};  ///< 0: has no levels.
};

constexpr std::array<CodecName, 7> kNames{{{Codec::kNone, "none"},
                                           {Codec::kGzip, "gzip", 0, 9},
                                           {Codec::kLz4, "lz4"},
                                           {Codec::kBitshuffleLz4, "bitshuffle-lz4"},
                                           {Codec::kZstd, "zstd", 1, 19},
                                           {Codec::kDeflate, "deflate"},
                                           {Codec::kLzw, "lzw"}}};

std::optional<int> level_of(std::string_view text, const CodecName& name) {
  int level = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, level);
  const bool is_number = error == std::errc() && stopped == end && !text.starts_with('-');
  if (!is_number || level < name.lowest_level || level > name.highest_level) return std::nullopt;
  return level;
}

std::optional<Compression> find(std::string_view text) {
  if (text == "zstd") return Compression{Codec::kZstd, 3};
  for (const CodecName& name : kNames) {
    if (!text.starts_with(name.name)) continue;
    const std::string_view rest = text.substr(name.name.size());
    if (name.highest_level == 0 && rest.empty()) return Compression{name.codec, 0};
    if (name.highest_level == 0 || !rest.starts_with('-')) continue;
    if (const auto level = level_of(rest.substr(1), name)) return Compression{name.codec, *level};
  }
  return std::nullopt;
}

bool copy(std::span<const std::byte> from, std::span<std::byte> to) {
  if (from.size() != to.size()) return false;
  std::ranges::copy(from, to.begin());
  return true;
}

bool decode(Codec codec, std::size_t element_bytes, std::span<const std::byte> packed,
            std::span<std::byte> pixels) {
  switch (codec) {
    case Codec::kNone:
      return copy(packed, pixels);
    case Codec::kGzip:
      return codecs::decode_gzip(element_bytes, packed, pixels);
    case Codec::kLz4:
      return codecs::decode_lz4(packed, pixels);
    case Codec::kBitshuffleLz4:
      return codecs::decode_bitshuffle_lz4(element_bytes, packed, pixels);
    case Codec::kZstd:
      return codecs::decode_zstd(packed, pixels);
    case Codec::kDeflate:
      return codecs::inflate_into(packed, pixels);
    case Codec::kLzw:
      return codecs::decode_lzw(packed, pixels);
  }
  return false;
}

}  // namespace

Result<Compression> parse_compression(std::string_view text) {
  if (const auto found = find(text)) return *found;
  return fail(ErrorCode::kInvalid, "no such compression:",
              in_quotes(text) +
                  " (allowed: none, gzip-0 to gzip-9, lz4, bitshuffle-lz4, zstd, zstd-1 to "
                  "zstd-19, deflate, lzw)");
}

std::string to_string(const Compression& compression) {
  const CodecName& name = kNames.at(static_cast<std::size_t>(compression.codec));
  if (name.highest_level == 0) return std::string(name.name);
  return fmt::format("{}-{}", name.name, compression.level);
}

std::unique_ptr<FrameEncoder> make_encoder(const Compression& compression,
                                           const FrameShape& shape) {
  switch (compression.codec) {
    case Codec::kNone:
      return nullptr;
    case Codec::kGzip:
      return codecs::make_deflate(compression.level, size_bytes(shape), size_bytes(shape.type));
    case Codec::kLz4:
      return codecs::make_lz4();
    case Codec::kBitshuffleLz4:
      return codecs::make_bitshuffle_lz4(size_bytes(shape.type));
    case Codec::kZstd:
      return codecs::make_zstd(compression.level, size_bytes(shape));
    case Codec::kDeflate:
      return codecs::make_deflate(kDeflateLevel, size_bytes(shape), 1);
    case Codec::kLzw:
      return codecs::make_lzw();
  }
  return nullptr;
}

Result<void> decode_frame(Codec codec, const FrameShape& shape, std::span<const std::byte> packed,
                          std::span<std::byte> pixels) {
  if (pixels.size() == size_bytes(shape) && decode(codec, size_bytes(shape.type), packed, pixels)) {
    return {};
  }
  return fail(ErrorCode::kCorrupt, "the packed bytes of a frame are damaged");
}

}  // namespace framelog
