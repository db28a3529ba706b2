#include "service/log_limit.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1000 * kSecond;

TEST(LogLimit, HoldsBackWhatIsSaidAgainAndAgain) {
  LogLimit limit;
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += limit.passes("same", kStart + i) ? 1 : 0;
  EXPECT_EQ(passed, 20);
  EXPECT_TRUE(limit.passes("other", kStart));
  EXPECT_TRUE(limit.take_left_out(kStart + 29 * kSecond).empty());
  const auto left_out = limit.take_left_out(kStart + 31 * kSecond);
  ASSERT_EQ(left_out.size(), 1U);
  EXPECT_EQ(left_out[0].text, "same");
  EXPECT_EQ(left_out[0].lines, 80U);
  EXPECT_TRUE(limit.take_left_out(kStart + 99 * kSecond).empty()) << "told once";
  EXPECT_TRUE(limit.passes("same", kStart + 99 * kSecond));
}

TEST(LogLimit, ForgetsNothingThatWasLeftOut) {
  LogLimit limit;
  std::uint64_t told = 0;
  std::uint64_t passed = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t now_ns = kStart + i * kSecond / 50;
    for (const auto& one : limit.take_left_out(now_ns)) told += one.lines;
    passed += limit.passes("same", now_ns) ? 1 : 0;
  }
  for (const auto& one : limit.take_left_out(kStart + 1000 * kSecond)) told += one.lines;
  EXPECT_EQ(passed + told, 10'000U);
  EXPECT_LT(passed, 20U * 8U);
}

TEST(LogLimit, OfManyTextsAllPass) {
  LogLimit limit;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_TRUE(limit.passes("text " + std::to_string(i), kStart));
  }
}

}  // namespace
}  // namespace framelog
