#include "drivers/frame_numbers.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

TEST(FrameNumbers, AreTheIdsWhereThoseNeverComeRound) {
  FrameNumbers numbers(FrameIds::k64Bit);
  EXPECT_EQ(numbers.number(0), 0U);
  EXPECT_EQ(numbers.number(65535), 65535U);
  EXPECT_EQ(numbers.number(65536), 65536U);
  EXPECT_EQ(numbers.number(std::uint64_t{1} << 40U), std::uint64_t{1} << 40U);
}

TEST(FrameNumbers, GoOnWhereIdsOf16BitsComeRound) {
  FrameNumbers numbers(FrameIds::k16Bit);
  EXPECT_EQ(numbers.number(65534), 65534U);
  EXPECT_EQ(numbers.number(65535), 65535U);
  EXPECT_EQ(numbers.number(1), 65536U);  // There is no id 0.
  EXPECT_EQ(numbers.number(2), 65537U);
}

TEST(FrameNumbers, CountWhatIsMissingWhereIdsComeRound) {
  FrameNumbers numbers(FrameIds::k16Bit);
  EXPECT_EQ(numbers.number(65530), 65530U);
  EXPECT_EQ(numbers.number(3), 65538U);  // 65531 to 65535, 1 and 2 are missing.
}

TEST(FrameNumbers, ComeRoundAgainAndAgain) {
  FrameNumbers numbers(FrameIds::k16Bit);
  std::uint64_t id = 65000;
  std::uint64_t wanted = id;
  for (int i = 0; i < 300000; ++i) {
    ASSERT_EQ(numbers.number(id), wanted);
    id = id == 65535 ? 1 : id + 1;
    ++wanted;
  }
}

TEST(FrameNumbers, AFrameWhoseIdNeverArrivedIsTheNextOne) {
  FrameNumbers numbers(FrameIds::k16Bit);
  EXPECT_EQ(numbers.unnamed(), std::nullopt);
  EXPECT_EQ(numbers.number(65535), 65535U);
  EXPECT_EQ(numbers.unnamed(), 65536U);
  EXPECT_EQ(numbers.number(2), 65537U);
  EXPECT_EQ(numbers.unnamed(), 65538U);
  EXPECT_EQ(numbers.number(5), 65540U);
}

TEST(FrameNumbers, AFrameWithoutAnIdMayBelongToTheOneBehindIt) {
  FrameNumbers numbers(FrameIds::k16Bit);
  EXPECT_FALSE(numbers.unnamed_before(65530).has_value()) << "before the first";
  EXPECT_EQ(numbers.number(65530), 65530U);
  EXPECT_EQ(numbers.unnamed_before(10), 65544U) << "behind frames that were lost";
  EXPECT_EQ(numbers.number(10), 65545U);
  EXPECT_EQ(numbers.unnamed_before(12), 65546U);
  EXPECT_EQ(numbers.number(12), 65547U);
  EXPECT_EQ(numbers.unnamed_before(13), 65548U) << "there is no room; the next one has it as well";
}

}  // namespace
}  // namespace framelog
