#include "core/crc32c.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string_view>
#include <vector>

namespace framelog {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// RFC 3720, appendix B.4.
TEST(Crc32c, GivesTheSumsOfItsStandard) {
  std::array<std::byte, 32> bytes{};
  for (auto* sum : {&crc32c, &crc32c_plain}) {
    bytes.fill(std::byte{0});
    EXPECT_EQ(sum(bytes, 0), 0x8A9136AAU);
    bytes.fill(std::byte{0xFF});
    EXPECT_EQ(sum(bytes, 0), 0x62A8AB43U);
    for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
    EXPECT_EQ(sum(bytes, 0), 0x46DD794EU);
    for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(31 - i);
    EXPECT_EQ(sum(bytes, 0), 0x113FDB5CU);
    EXPECT_EQ(sum(bytes_of("123456789"), 0), 0xE3069283U);
    EXPECT_EQ(sum({}, 0), 0U);
    EXPECT_EQ(sum({}, 0x12345678U), 0x12345678U);
  }
}

std::vector<std::byte> random_bytes(std::size_t count, std::mt19937& random) {
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

TEST(Crc32c, AgreesWithThePlainFormAtEveryLengthAndAlignment) {
  std::mt19937 random(1);
  const auto bytes = random_bytes(20'000, random);
  const std::span<const std::byte> all(bytes);
  for (std::size_t length = 0; length < 100; ++length) {
    for (std::size_t offset = 0; offset < 9; ++offset) {
      const auto part = all.subspan(offset, length);
      ASSERT_EQ(crc32c(part), crc32c_plain(part)) << length << " bytes at " << offset;
    }
  }
  for (int round = 0; round < 500; ++round) {
    const std::size_t offset = random() % 5000;
    const std::size_t length = random() % (bytes.size() - offset);
    const auto part = all.subspan(offset, length);
    const auto before = static_cast<std::uint32_t>(random());
    ASSERT_EQ(crc32c(part, before), crc32c_plain(part, before)) << length << " bytes at " << offset;
  }
  // Around the length at which the three streams begin.
  for (std::size_t length = 3 * 1024 - 9; length < 3 * 1024 + 9; ++length) {
    ASSERT_EQ(crc32c(all.first(length)), crc32c_plain(all.first(length))) << length;
    ASSERT_EQ(crc32c(all.first(2 * length)), crc32c_plain(all.first(2 * length))) << length;
  }
}

TEST(Crc32c, OfTwoPartsIsThatOfTheWhole) {
  std::mt19937 random(2);
  const auto bytes = random_bytes(9000, random);
  const std::span<const std::byte> all(bytes);
  for (int round = 0; round < 200; ++round) {
    const std::size_t cut = random() % bytes.size();
    ASSERT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all)) << cut;
  }
}

TEST(Crc32c, NoticesEverySingleBit) {
  std::mt19937 random(3);
  auto bytes = random_bytes(4000, random);
  const std::uint32_t right = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 97) {
    const auto mask = static_cast<std::byte>(1U << (bit % 8));
    bytes[bit / 8] ^= mask;
    ASSERT_NE(crc32c(bytes), right) << bit;
    bytes[bit / 8] ^= mask;
  }
}

}  // namespace
}  // namespace framelog
