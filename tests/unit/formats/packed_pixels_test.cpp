#include "formats/packed_pixels.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace framelog {
namespace {

using Random = std::independent_bits_engine<std::mt19937, 32, std::uint32_t>;

/// Bits of a pixel, each put where the standard's drawing has it.
class Packer {
 public:
  Packer(PackedFormat format, std::size_t pixels)
      : format_(format), bytes_(packed_bytes(format, pixels)) {}

  void put(std::size_t pixel, unsigned value) {
    for (unsigned bit = 0; bit < static_cast<unsigned>(bits_of(format_)); ++bit) {
      if ((value >> bit & 1U) == 0) continue;
      const std::size_t at = place(pixel, bit);
      bytes_.at(at / 8) |= std::byte{1} << at % 8;
    }
  }
  [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

 private:
  /// The bit's number in the bytes, from the lowest of the first.
  [[nodiscard]] std::size_t place(std::size_t pixel, unsigned bit) const {
    const std::size_t pair = pixel / 2 * 24;
    const std::size_t four = pixel / 4 * 40;
    const std::size_t in_pair = pixel % 2;
    const std::size_t in_four = pixel % 4;
    switch (format_) {
      case PackedFormat::kMono10p:
        return pixel * 10 + bit;
      case PackedFormat::kMono12p:
        return pixel * 12 + bit;
      case PackedFormat::kMono10Packed:
        return bit < 2 ? pair + 8 + 4 * in_pair + bit : pair + 16 * in_pair + bit - 2;
      case PackedFormat::kMono12Packed:
        return bit < 4 ? pair + 8 + 4 * in_pair + bit : pair + 16 * in_pair + bit - 4;
      case PackedFormat::kY10P:
        return bit < 2 ? four + 32 + 2 * in_four + bit : four + 8 * in_four + bit - 2;
      case PackedFormat::kY12P:
        return bit < 4 ? pair + 16 + 4 * in_pair + bit : pair + 8 * in_pair + bit - 4;
    }
    return 0;
  }

  PackedFormat format_;
  std::vector<std::byte> bytes_;
};

class PackedPixels : public testing::TestWithParam<PackedFormat> {};

TEST_P(PackedPixels, UnpackExactlyWhatWasPackedBitByBit) {
  Random random(1);
  for (std::size_t count = 0; count < 300; ++count) {
    Packer packer(GetParam(), count);
    std::vector<std::uint16_t> expected(count);
    for (std::size_t i = 0; i < count; ++i) {
      expected[i] = static_cast<std::uint16_t>(random() >> (32 - bits_of(GetParam())));
      packer.put(i, expected[i]);
    }
    for (const UnpackKernel kernel : {UnpackKernel::kPlain, best_unpack_kernel()}) {
      std::vector<std::uint16_t> pixels(count, 0xFFFF);
      unpack(GetParam(), packer.bytes(), pixels, kernel);
      ASSERT_EQ(pixels, expected) << count;
    }
  }
}

TEST_P(PackedPixels, TakesTheLargestValuesAndNothingBesideThem) {
  const auto largest =
      static_cast<std::uint16_t>((1U << static_cast<unsigned>(bits_of(GetParam()))) - 1);
  constexpr std::size_t kCount = 67;
  // All bits set, those between the pixels of Mono10Packed, too.
  const std::vector<std::byte> ones(packed_bytes(GetParam(), kCount) + 100, std::byte{0xFF});
  std::vector<std::uint16_t> pixels(kCount);
  unpack(GetParam(), ones, pixels);
  EXPECT_EQ(pixels, std::vector<std::uint16_t>(kCount, largest));
}

TEST_P(PackedPixels, EveryKernelDoesTheSameWithAnyBytes) {
  Random random(2);
  for (int repeat = 0; repeat < 100; ++repeat) {
    const std::size_t count = random() % 5000;
    std::vector<std::byte> packed(packed_bytes(GetParam(), count));
    for (auto& byte : packed) byte = static_cast<std::byte>(random() & 0xFFU);
    std::vector<std::uint16_t> plain(count);
    std::vector<std::uint16_t> best(count);
    unpack(GetParam(), packed, plain, UnpackKernel::kPlain);
    unpack(GetParam(), packed, best);
    ASSERT_EQ(plain, best);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, PackedPixels,
                         testing::Values(PackedFormat::kMono10p, PackedFormat::kMono12p,
                                         PackedFormat::kMono10Packed, PackedFormat::kMono12Packed,
                                         PackedFormat::kY10P, PackedFormat::kY12P),
                         [](const auto& one) { return std::string(name_of(one.param)); });

TEST(PackedBytes, AreThoseOfTheStandards) {
  EXPECT_EQ(packed_bytes(PackedFormat::kMono10p, 4), 5U);
  EXPECT_EQ(packed_bytes(PackedFormat::kMono10p, 1), 2U);
  EXPECT_EQ(packed_bytes(PackedFormat::kMono12p, 3), 5U);
  EXPECT_EQ(packed_bytes(PackedFormat::kMono10Packed, 1280), 1920U);
  EXPECT_EQ(packed_bytes(PackedFormat::kMono12Packed, 3), 5U);
  EXPECT_EQ(packed_bytes(PackedFormat::kY10P, 5), 10U);
  EXPECT_EQ(packed_bytes(PackedFormat::kY12P, 5), 9U);
  EXPECT_EQ(packed_bytes(PackedFormat::kY12P, 0), 0U);
  EXPECT_GT(packed_bytes(PackedFormat::kMono12p, std::numeric_limits<std::size_t>::max() / 2),
            std::numeric_limits<std::size_t>::max() / 2);
}

}  // namespace
}  // namespace framelog
