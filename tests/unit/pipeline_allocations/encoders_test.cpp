// Counts what the C libraries allocate, too.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "formats/compression.hpp"

namespace {

thread_local std::uint64_t t_mallocs = 0;

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t size);                     // NOLINT: glibc calls it so.
void* __libc_calloc(std::size_t count, std::size_t size);  // NOLINT
void* malloc(std::size_t size) noexcept {
  ++t_mallocs;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  ++t_mallocs;
  return __libc_calloc(count, size);
}
}

namespace framelog {
namespace {

TEST(Encoders, AllocateNothingWhileFramesArePacked) {
  const FrameShape shape{64, 100, PixelType::kUint16};
  std::mt19937 random(1);
  std::vector<std::vector<std::byte>> frames;
  for (int kind = 0; kind < 3; ++kind) {
    std::vector<std::byte> pixels(size_bytes(shape));
    for (std::size_t i = 0; i < pixels.size(); i += 2) {
      const std::uint64_t value = kind == 0 ? 7 : kind == 1 ? random() % 5 : random();
      std::memcpy(pixels.data() + i, &value, 2);
    }
    frames.push_back(std::move(pixels));
  }
  std::vector<std::byte> packed(size_bytes(shape));
  for (const char* codec : {"gzip-4", "lz4", "bitshuffle-lz4", "zstd-1", "zstd-3", "zstd-12",
                            "zstd-19", "deflate", "lzw"}) {
    const std::uint64_t before_making = t_mallocs;
    const auto encoder = make_encoder(*parse_compression(codec), shape);
    const std::uint64_t before = t_mallocs;
    ASSERT_GT(before, before_making);
    for (int repeat = 0; repeat < 200; ++repeat) {
      static_cast<void>(encoder->encode(frames[static_cast<std::size_t>(repeat) % 3], packed));
    }
    EXPECT_EQ(t_mallocs, before) << codec;
  }
}

}  // namespace
}  // namespace framelog
