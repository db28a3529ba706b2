#include <gtest/gtest.h>

#include <cmath>

#include "memory_recording.hpp"
#include "whole_result.hpp"

namespace framelog {
namespace {

/// A scan of 3 x 4 points with a flyback frame behind each line, of which some frames are lost.
class ScanTest : public testing::Test {
 protected:
  ScanTest() : recording_({2, 3, PixelType::kUint16}, 0, 1) {
    const Scan scan{3, 4, 1, 10};
    recording_.change().scan = scan;
    recording_.change().scans = 2;
    for (std::uint64_t number = 8; number < 10 + 2 * scan.frames_per_scan(); ++number) {
      if (number == 11 || number == 17 || number == 18 || number == 30) continue;
      FrameNote note;
      note.info.source_sequence = number;
      recording_.notes().push_back(note);
      recording_.values().emplace_back(6, static_cast<double>(number));
    }
    recording_.change().frames = recording_.notes().size();
  }
  /// The number that belongs to a point, 0 where its frame is lost.
  static double number_at(std::uint64_t t, std::uint64_t sy, std::uint64_t sx) {
    const std::uint64_t number = 10 + (t * 3 + sy) * 5 + sx;
    const bool lost = number == 11 || number == 17 || number == 18 || number == 30;
    return lost ? 0 : static_cast<double>(number);
  }
  MemoryRecording recording_;
};

TEST_F(ScanTest, FramesArePlacedByTheirNumbersAndHolesCounted) {
  const Whole whole = take(recording_, {});
  ASSERT_EQ(whole.slices.size(), 24U);
  EXPECT_EQ(whole.facts.axes[0].axis, Axis::kTime);
  for (std::uint64_t i = 0; i < 24; ++i) {
    const double expected = number_at(i / 12, i / 4 % 3, i % 4);
    EXPECT_EQ(whole.values[i * 6], expected) << i;
    EXPECT_EQ(whole.slices[i].missing, expected == 0) << i;
  }
  EXPECT_EQ(whole.end.missing, 4U);
}

TEST_F(ScanTest, HolesOfFloatsAreNaN) {
  TransformRequest request;
  request.dtype = PixelType::kFloat32;
  const Whole whole = take(recording_, request);
  EXPECT_TRUE(std::isnan(whole.values[1 * 6]));
  EXPECT_EQ(whole.values[0], 10);
}

TEST_F(ScanTest, CutsAndSubsamplesPointsWithoutReadingTheOthers) {
  TransformRequest request;
  request.cutout = {{Axis::kTime, 1, 2}, {Axis::kScanY, 0, 3}, {Axis::kScanX, 1, 4}};
  request.subsample_sy = 2;
  request.subsample_sx = 2;
  const Whole whole = take(recording_, request);
  ASSERT_EQ(whole.facts.axes.size(), 4U);
  ASSERT_EQ(whole.slices.size(), 4U);
  EXPECT_EQ(whole.values[0], number_at(1, 0, 1));
  EXPECT_EQ(whole.values[6], number_at(1, 0, 3));
  EXPECT_EQ(whole.values[12], number_at(1, 2, 1));
  EXPECT_EQ(whole.values[18], number_at(1, 2, 3));
  EXPECT_EQ(recording_.reads, 4U - whole.end.missing);
}

TEST_F(ScanTest, FramesCanBeFlat) {
  TransformRequest request;
  request.flat = true;
  const Whole whole = take(recording_, request);
  EXPECT_EQ(whole.slices.size(), recording_.facts().frames);
  EXPECT_EQ(whole.values[0], 8);
  request.cutout = {{Axis::kScanX, 0, 2}};
  EXPECT_NE(refusal(recording_, request).find("--flat"), std::string::npos);
}

TEST_F(ScanTest, TornRecordsAreHoles) {
  FrameNote& torn = recording_.notes()[4];
  const std::uint64_t number = torn.info.source_sequence;
  torn.info.source_sequence = 5;
  torn.info.flags = kFlagCorrupt;
  const Whole whole = take(recording_, {});
  EXPECT_EQ(whole.end.missing, 5U);
  const auto found = std::ranges::find(whole.values, static_cast<double>(number));
  EXPECT_EQ(found, whole.values.end());
}

TEST_F(ScanTest, FramesThatTheCameraFoundCorruptAreNoHoles) {
  const std::uint64_t missing = take(recording_, {}).end.missing;
  FrameNote& corrupt = recording_.notes()[4];
  corrupt.info.flags = kFlagCorrupt;
  corrupt.info.monotonic_ns = 1000;
  EXPECT_EQ(take(recording_, {}).end.missing, missing);
}

}  // namespace
}  // namespace framelog
