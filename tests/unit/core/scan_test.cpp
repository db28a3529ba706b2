#include "core/scan.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <random>

namespace framelog {
namespace {

TEST(Scan, NumbersItsPointsLineByLineAndScanByScan) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const Scan scan{1 + static_cast<std::uint32_t>(random() % 5),
                    1 + static_cast<std::uint32_t>(random() % 5),
                    static_cast<std::uint32_t>(random() % 4), random() % 10};
    std::uint64_t number = scan.first_number;
    for (std::uint64_t n = 0; n < 3; ++n) {
      for (std::uint32_t row = 0; row < scan.rows; ++row) {
        for (std::uint32_t column = 0; column < scan.columns; ++column, ++number) {
          ASSERT_EQ(point_of(scan, number), (ScanPoint{n, row, column}));
          ASSERT_FALSE(is_flyback(scan, number));
        }
        for (std::uint32_t i = 0; i < scan.flyback; ++i, ++number) {
          ASSERT_EQ(point_of(scan, number), std::nullopt);
          ASSERT_TRUE(is_flyback(scan, number));
        }
      }
    }
    EXPECT_EQ(number - scan.first_number, 3 * scan.frames_per_scan());
    EXPECT_EQ(scan.points(), std::uint64_t{scan.rows} * scan.columns);
  }
}

TEST(Scan, AFrameBeforeTheFirstPointIsNoneAndNoFlyback) {
  const Scan scan{2, 3, 1, 100};
  EXPECT_EQ(point_of(scan, 99), std::nullopt);
  EXPECT_FALSE(is_flyback(scan, 99));
  EXPECT_EQ(point_of(scan, 100), (ScanPoint{0, 0, 0}));
}

TEST(Scan, TheLargestNumbersDoNotOverflow) {
  const std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  const Scan scan{1, most, most, 0};
  EXPECT_EQ(scan.frames_per_line(), 2 * std::uint64_t{most});
  const std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(point_of(scan, last).has_value(), last % scan.frames_per_line() < most);
}

}  // namespace
}  // namespace framelog
