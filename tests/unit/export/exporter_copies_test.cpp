#include <gtest/gtest.h>

#include "lossy_exports.hpp"

namespace framelog {
namespace {

/// Exports of exports of scans.
class ScanCopiesTest : public LossyExportsTest {
 protected:
  /// The second of three scans, whose first point has no frame: numbers 7 to 11, sequence 5 to 9.
  std::filesystem::path second_scan(const std::string& format) {
    return part(scans("scans" + format, {5, 6, 13}), format, {{Axis::kTime, 1, 2}});
  }
};

TEST_F(ScanCopiesTest, KeepTheNumbersOfTheirFrames) {
  const auto once = second_scan("hdf5");
  const auto twice = exported(request(once, "hdf5", ""));
  for (const auto& from : {once, twice}) {
    const auto recording = open(from);
    ASSERT_TRUE(recording);
    EXPECT_EQ(recording->note(0)->accumulated, 0U);
    EXPECT_EQ(recording->note(1)->info.sequence, 5U);
    EXPECT_EQ(recording->note(5)->info.sequence, 9U);
    const auto path = exported(request(from, "raw", ""));
    const auto verified = verify_segment(files_, path);
    EXPECT_EQ(problems(path), Texts{});
    EXPECT_EQ(verified.accounting.recorded, 5U);
    EXPECT_EQ(verified.accounting.received, 5U);
    EXPECT_EQ(verified.accounting.lost_at_source[0], 2U);  // Point 5 with it.
    EXPECT_EQ(verified.first_sequence, 5);
    EXPECT_EQ(verified.last_sequence, 9);
  }
}

TEST_F(ScanCopiesTest, CountOnlyFramesThatAreLeftOut) {
  const auto once = exported(request(scans("all", {1, 5, 6, 13}), "hdf5", ""));
  const auto path = exported(request(once, "raw", ""));
  const auto verified = verify_segment(files_, path);
  EXPECT_EQ(problems(path), Texts{});
  EXPECT_EQ(verified.accounting.recorded, 14U);
  EXPECT_EQ(verified.accounting.skipped, 0U);
  EXPECT_EQ(verified.accounting.lost_at_source[0], 4U);
  const auto column = part(once, "raw", {{Axis::kScanX, 1, 2}});
  EXPECT_EQ(problems(column), Texts{});
  // Frames 3, 5, 8 and 12 of those: numbers 4, 7, 10, 16; 1 and 13 have none.
  EXPECT_EQ(verify_segment(files_, column).accounting.recorded, 4U);
  EXPECT_EQ(verify_segment(files_, column).accounting.skipped, 6U);
}

TEST_F(ScanCopiesTest, BeginWhenTheirFirstFrameWas) {
  const std::int64_t start = description(1).run_start_utc_ns;
  for (const char* format : {"hdf5", "npz"}) {
    const auto once = second_scan(format);
    // A bundle does not tell the start of the run.
    const std::int64_t expected = format == std::string("hdf5") ? start : start + 70'000'000;
    EXPECT_EQ(open(once)->facts().start_utc_ns, expected) << format;
    for (const char* to : {"raw", "hdf5"}) {
      const auto twice = exported(request(once, to, ""));
      EXPECT_EQ(open(twice)->facts().start_utc_ns, expected) << format << to;
    }
  }
}

}  // namespace
}  // namespace framelog
