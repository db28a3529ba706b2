#include "core/frame.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace framelog {
namespace {

constexpr std::uint32_t kLongest = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMost = std::numeric_limits<std::ptrdiff_t>::max();

TEST(FrameShape, HasTheBytesOfItsPixels) {
  EXPECT_EQ(size_bytes(FrameShape{3, 5, PixelType::kFloat64}), 120U);
}

TEST(FrameShape, IsNeverSmallBecauseItIsTooLarge) {
  EXPECT_EQ(size_bytes(FrameShape{kLongest, kLongest, PixelType::kUint8}), kMost);
  EXPECT_EQ(size_bytes(FrameShape{kLongest, kLongest, PixelType::kFloat64}), kMost);
  const std::size_t wraps_in_32_bits = size_bytes(FrameShape{65536, 65536, PixelType::kUint16});
  EXPECT_EQ(wraps_in_32_bits, kMost > kLongest ? std::uint64_t{1} << 33U : kMost);
}

}  // namespace
}  // namespace framelog
