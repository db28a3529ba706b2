#include "drivers/packet_marks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace framelog {
namespace {

/// A frame of an older time, marked; packets arrive in the places that `arrived` says.
std::vector<std::byte> receive(std::size_t bytes, std::size_t place, const PacketMarks& marks,
                               const std::vector<bool>& arrived) {
  std::vector<std::byte> frame(bytes, std::byte{0xEE});
  marks.put(frame);
  for (std::size_t i = 0; i < arrived.size(); ++i) {
    const std::size_t end = std::min(bytes, (i + 1) * place);
    for (std::size_t at = i * place; arrived[i] && at < end; ++at) {
      frame[at] = static_cast<std::byte>(1 + at % 200);
    }
  }
  return frame;
}

TEST(PacketMarks, WhatDidNotArriveIsZeroAndTheRestIsUntouched) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const std::size_t bytes = 1 + random() % 5000;
    const std::size_t place = round % 5 == 0 ? random() % 20 : 16 + random() % 900;
    const std::size_t real_place = place == 0 ? 33 : place;  // Where it is not known.
    std::vector<bool> arrived((bytes + real_place - 1) / real_place);
    std::generate(arrived.begin(), arrived.end(), [&] { return random() % 3 != 0; });
    const PacketMarks marks(place);
    auto frame = receive(bytes, real_place, marks, arrived);
    marks.clear_missing(frame);
    for (std::size_t at = 0; at < bytes; ++at) {
      const auto wanted =
          arrived[at / real_place] ? static_cast<std::byte>(1 + at % 200) : std::byte{0};
      ASSERT_EQ(frame[at], wanted) << at << " of " << bytes << " in places of " << place;
    }
  }
}

TEST(PacketMarks, AWholeFrameIsLeftAsItIs) {
  const PacketMarks marks(1364);
  const auto frame = receive(100'000, 1364, marks, std::vector<bool>(74, true));
  auto after = frame;
  marks.clear_missing(after);
  EXPECT_EQ(after, frame);
}

}  // namespace
}  // namespace framelog
