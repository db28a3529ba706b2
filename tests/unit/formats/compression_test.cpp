#include "formats/compression.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace framelog {
namespace {

using Bytes = std::vector<std::byte>;
using Random = std::mt19937;

constexpr std::array<const char*, 8> kAll{"gzip-1", "gzip-6", "lz4",     "bitshuffle-lz4",
                                          "zstd-1", "zstd-9", "deflate", "lzw"};

struct Content {
  const char* name;
  std::function<unsigned(Random&, std::size_t)> value;  ///< Of the pixel at an index.
};

const std::vector<Content>& contents() {
  static const std::vector<Content> all{
      {"constant", [](Random&, std::size_t) { return 7U; }},
      {"noise", [](Random& random, std::size_t) { return static_cast<unsigned>(random()); }},
      {"counts", [](Random& random,
                    std::size_t) { return std::poisson_distribution<unsigned>(2.0)(random); }},
      {"ramp", [](Random&, std::size_t i) { return static_cast<unsigned>(i / 3); }},
      {"patches",
       [](Random& random, std::size_t i) {
         return i / 5000 % 2 == 0 ? 0U : static_cast<unsigned>(random() % 200);
       }},
  };
  return all;
}

Bytes frame_of(const FrameShape& shape, const Content& content, Random& random) {
  Bytes pixels(size_bytes(shape));
  const std::size_t pixel_bytes = size_bytes(shape.type);
  for (std::size_t i = 0; i < pixels.size() / pixel_bytes; ++i) {
    const std::uint64_t value = content.value(random, i);
    std::memcpy(pixels.data() + i * pixel_bytes, &value, pixel_bytes);
  }
  return pixels;
}

/// What an encoder makes of a frame; empty where it stays as it is.
Bytes packed_by(const char* codec, const FrameShape& shape, const Bytes& pixels) {
  const auto encoder = make_encoder(*parse_compression(codec), shape);
  Bytes packed(pixels.size());
  packed.resize(encoder->encode(pixels, packed));
  return packed;
}

const std::vector<FrameShape>& shapes() {
  static const std::vector<FrameShape> all{
      {1, 1, PixelType::kUint8},      {1, 7, PixelType::kUint16},   {3, 5, PixelType::kInt32},
      {17, 31, PixelType::kUint8},    {64, 65, PixelType::kUint16}, {100, 99, PixelType::kUint16},
      {128, 128, PixelType::kUint32}, {33, 77, PixelType::kUint64}, {61, 67, PixelType::kFloat32},
      {40, 51, PixelType::kFloat64},  {256, 256, PixelType::kInt8}, {300, 211, PixelType::kInt16}};
  return all;
}

TEST(Compression, IsSpelledAsInTheConfiguration) {
  for (const char* text : {"none", "gzip-0", "gzip-9", "lz4", "bitshuffle-lz4", "zstd-1", "zstd-19",
                           "deflate", "lzw"}) {
    const auto parsed = parse_compression(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
  EXPECT_EQ(*parse_compression("zstd"), (Compression{Codec::kZstd, 3}));
}

TEST(Compression, OfNoKindIsRefusedWithTheAllowedOnes) {
  for (const char* text : {"", "gzip", "gzip-", "gzip-10", "gzip--1", "gzip-4x", "zstd-0",
                           "zstd-20", "lz4-1", "LZ4", "none-0", "bitshuffle"}) {
    const auto parsed = parse_compression(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_NE(describe(parsed.error()).find("zstd-1 to zstd-19"), std::string::npos);
  }
}

TEST(Compression, NoneHasNoEncoder) {
  EXPECT_EQ(make_encoder({}, {4, 4, PixelType::kUint8}), nullptr);
}

class CompressionOf : public testing::TestWithParam<const char*> {};

TEST_P(CompressionOf, GivesTheSamePixelsBack) {
  Random random(1);
  const auto compression = *parse_compression(GetParam());
  for (const FrameShape& shape : shapes()) {
    const auto encoder = make_encoder(compression, shape);
    for (const Content& content : contents()) {
      const Bytes pixels = frame_of(shape, content, random);
      Bytes packed(pixels.size());
      const std::size_t size = encoder->encode(pixels, packed);
      if (size == 0) continue;
      ASSERT_LT(size, pixels.size());
      Bytes unpacked(pixels.size());
      const auto decoded =
          decode_frame(compression.codec, shape, std::span(packed).first(size), unpacked);
      ASSERT_TRUE(decoded) << to_string(shape) << " " << content.name;
      ASSERT_EQ(unpacked, pixels) << to_string(shape) << " " << content.name;
    }
  }
}

TEST_P(CompressionOf, LeavesNoiseAsItIsAndPacksTheRest) {
  Random random(2);
  const FrameShape shape{256, 256, PixelType::kUint16};
  for (const Content& content : contents()) {
    const Bytes packed = packed_by(GetParam(), shape, frame_of(shape, content, random));
    EXPECT_EQ(packed.empty(), std::string(content.name) == "noise") << content.name;
  }
}

TEST_P(CompressionOf, DependsOnThatFrameAlone) {
  Random random(3);
  const FrameShape shape{120, 100, PixelType::kUint16};
  const auto encoder = make_encoder(*parse_compression(GetParam()), shape);
  for (int i = 0; i < 20; ++i) {
    const Bytes pixels = frame_of(shape, contents()[random() % contents().size()], random);
    Bytes packed(pixels.size());
    packed.resize(encoder->encode(pixels, packed));
    EXPECT_EQ(packed, packed_by(GetParam(), shape, pixels));
  }
}

TEST_P(CompressionOf, IsCorruptWhereItIsCut) {
  Random random(4);
  const Codec codec = parse_compression(GetParam())->codec;
  const FrameShape shape{60, 71, PixelType::kUint16};
  const Bytes packed = packed_by(GetParam(), shape, frame_of(shape, contents()[2], random));
  Bytes unpacked(size_bytes(shape));
  for (std::size_t size = 0; size < packed.size(); size += 1 + size / 50) {
    const Bytes cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
    const auto decoded = decode_frame(codec, shape, cut, unpacked);
    // The code that ends LZW is behind all of the pixels.
    if (codec == Codec::kLzw && size + 3 > packed.size()) break;
    ASSERT_FALSE(decoded) << size;
    ASSERT_EQ(decoded.error().code, ErrorCode::kCorrupt);
  }
}

TEST_P(CompressionOf, OfAnotherSizeIsCorrupt) {
  Random random(5);
  const Codec codec = parse_compression(GetParam())->codec;
  const FrameShape shape{64, 64, PixelType::kUint16};
  const Bytes packed = packed_by(GetParam(), shape, frame_of(shape, contents()[2], random));
  const FrameShape larger{65, 64, PixelType::kUint16};
  Bytes unpacked(size_bytes(larger));
  EXPECT_FALSE(decode_frame(codec, larger, packed, unpacked));
  EXPECT_FALSE(decode_frame(codec, shape, packed, unpacked));
  if (codec == Codec::kLzw) return;  // Its writers may add to the end.
  const FrameShape smaller{63, 64, PixelType::kUint16};
  unpacked.resize(size_bytes(smaller));
  EXPECT_FALSE(decode_frame(codec, smaller, packed, unpacked));
}

// With AddressSanitizer it shows that no decoder reads or writes outside.
TEST_P(CompressionOf, SurvivesAnyDamage) {
  Random random(6);
  const Codec codec = parse_compression(GetParam())->codec;
  for (int i = 0; i < 3000; ++i) {
    const FrameShape shape{1 + static_cast<std::uint32_t>(random() % 40), 64,
                           i % 2 == 0 ? PixelType::kUint16 : PixelType::kUint8};
    Bytes packed = packed_by(GetParam(), shape, frame_of(shape, contents()[random() % 5], random));
    if (packed.empty()) packed.resize(100);
    const std::size_t reach =
        random() % 2 == 0 ? std::min<std::size_t>(packed.size(), 20) : packed.size();
    for (auto flips = 1 + random() % 4; flips > 0; --flips) {
      packed[random() % reach] ^= static_cast<std::byte>(1U << random() % 8);
    }
    if (random() % 4 == 0) packed.resize(random() % (packed.size() + 1));
    packed.shrink_to_fit();
    Bytes unpacked(size_bytes(shape));
    const auto decoded = decode_frame(codec, shape, packed, unpacked);
    if (!decoded) {
      ASSERT_EQ(decoded.error().code, ErrorCode::kCorrupt);
    }
  }
}

TEST_P(CompressionOf, SurvivesNoiseThatWasNeverPacked) {
  Random random(7);
  const Codec codec = parse_compression(GetParam())->codec;
  const FrameShape shape{16, 64, PixelType::kUint16};
  Bytes unpacked(size_bytes(shape));
  for (int i = 0; i < 3000; ++i) {
    Bytes noise(random() % 600);
    for (std::byte& byte : noise) byte = static_cast<std::byte>(random());
    const std::uint64_t size = 0x0008000000000000U;  // 2048, the highest byte first.
    if (i % 2 == 0 && noise.size() > 16) std::memcpy(noise.data(), &size, 8);
    if (i % 4 == 0 && noise.size() > 16) std::memset(noise.data() + 8, 0, 2);
    const auto decoded = decode_frame(codec, shape, noise, unpacked);
    if (!decoded) {
      ASSERT_EQ(decoded.error().code, ErrorCode::kCorrupt);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, CompressionOf, testing::ValuesIn(kAll), [](const auto& tested) {
  std::string name = tested.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace framelog
