#include "formats/bit_planes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

namespace framelog {
namespace {

using Bytes = std::vector<std::byte>;

struct Case {
  PlaneKernels kernels{};
  std::size_t element_bytes{};
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto kernels : {PlaneKernels::kPlain, PlaneKernels::kBaseline, PlaneKernels::kV3}) {
    if (kernels > best_plane_kernels()) continue;
    for (const std::size_t element_bytes : {1U, 2U, 3U, 4U, 8U})
      all.push_back({kernels, element_bytes});
  }
  return all;
}

Bytes noise(std::size_t bytes, std::mt19937& random) {
  Bytes made(bytes);
  for (std::byte& byte : made) byte = static_cast<std::byte>(random());
  return made;
}

/// Counts around what the kernels take at once.
std::vector<std::size_t> counts() {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < 80; ++i) all.push_back(i);
  for (const std::size_t around : {128U, 256U, 512U, 4096U}) {
    for (std::size_t i = around - 9; i <= around + 9; ++i) all.push_back(i);
  }
  return all;
}

/// Bit by bit, as the definition says.
Bytes split_by_definition(const Bytes& elements, std::size_t element_bytes) {
  const std::size_t count = elements.size() / element_bytes;
  Bytes planes(elements.size());
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t bit = 0; bit < 8 * element_bytes; ++bit) {
      const std::byte byte = elements[i * element_bytes + bit / 8];
      if ((byte >> (bit % 8) & std::byte{1}) == std::byte{0}) continue;
      planes[bit * (count / 8) + i / 8] |= std::byte{1} << (i % 8);
    }
  }
  return planes;
}

class BitPlanes : public testing::TestWithParam<Case> {};

TEST_P(BitPlanes, AreSplitAndJoinedBitByBit) {
  const auto [kernels, element_bytes] = GetParam();
  std::mt19937 random(1);
  for (const std::size_t count : counts()) {
    const Bytes elements = noise(count / 8 * 8 * element_bytes, random);
    Bytes planes(elements.size());
    split_bits(elements, planes, element_bytes, kernels);
    ASSERT_EQ(planes, split_by_definition(elements, element_bytes)) << count;
    Bytes joined(elements.size());
    join_bits(planes, joined, element_bytes, kernels);
    ASSERT_EQ(joined, elements) << count;
  }
}

TEST_P(BitPlanes, OfWholeBytesAreTheShuffle) {
  const auto [kernels, element_bytes] = GetParam();
  std::mt19937 random(2);
  for (const std::size_t count : counts()) {
    const Bytes elements = noise(count * element_bytes, random);
    Bytes shuffled(elements.size());
    shuffle_bytes(elements, shuffled, element_bytes, kernels);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      ASSERT_EQ(shuffled[i % element_bytes * count + i / element_bytes], elements[i]) << count;
    }
    Bytes back(elements.size());
    unshuffle_bytes(shuffled, back, element_bytes, kernels);
    ASSERT_EQ(back, elements) << count;
  }
}

std::string name_of_case(const testing::TestParamInfo<Case>& tested) {
  constexpr std::array<const char*, 3> kNames{"plain", "baseline", "v3"};
  return std::string(kNames.at(static_cast<std::size_t>(tested.param.kernels))) + "_" +
         std::to_string(tested.param.element_bytes);
}
INSTANTIATE_TEST_SUITE_P(Every, BitPlanes, testing::ValuesIn(cases()), name_of_case);

}  // namespace
}  // namespace framelog
