#include "store/crash_gaps.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace framelog {
namespace {

FrameRecord record_of(std::uint64_t sequence, std::uint32_t dropped_before) {
  FrameRecord record;
  record.sequence = sequence;
  record.monotonic_ns = static_cast<std::int64_t>(sequence) * 1000;
  record.dropped_before = dropped_before;
  seal(record);
  return record;
}

std::int64_t frames_in(const std::vector<GapEntry>& gaps, const std::string& stage,
                       bool crash_alone) {
  std::int64_t frames = 0;
  for (const GapEntry& gap : gaps) {
    if (gap.stage == stage && (!crash_alone || gap.reason == "crash")) frames += gap.frames;
  }
  return frames;
}

TEST(CrashGaps, AJumpOfASequenceThatIsWholeIsALossOfTheWriter) {
  const std::vector records{record_of(0, 0), record_of(5, 6)};
  std::vector<GapEntry> gaps;
  add_crash_gaps(records, 0, false, gaps);
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(frames_in(gaps, "write", true), 4);
  EXPECT_EQ(frames_in(gaps, "capture", true), 2);
  for (const GapEntry& gap : gaps) {
    EXPECT_EQ(gap.after_sequence, 0);
    EXPECT_EQ(gap.duration_ns, 5000);
  }
}

TEST(CrashGaps, AJumpAloneIsNoLossWhereFramesAreLeftOut) {
  const std::vector records{record_of(0, 0), record_of(5, 0), record_of(10, 3)};
  std::vector<GapEntry> gaps;
  add_crash_gaps(records, 0, true, gaps);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].after_sequence, 5);
  EXPECT_EQ(gaps[0].frames, 3);
}

TEST(CrashGaps, WhatWasNotWholeAtTheEndWasLostByTheWriter) {
  for (const bool leaves_out : {false, true}) {
    std::vector<GapEntry> gaps;
    add_crash_gaps(std::vector{record_of(7, 0)}, 4, leaves_out, gaps);
    ASSERT_EQ(gaps.size(), 1U);
    EXPECT_EQ(gaps[0].after_sequence, 7);
    EXPECT_EQ(gaps[0].frames, 4);
    EXPECT_EQ(gaps[0].stage, "write");
  }
}

TEST(CrashGaps, ADamagedRecordIsNoLoss) {
  std::vector records{record_of(0, 0), record_of(1, 0), record_of(2, 0)};
  records[1].crc32c ^= 1U;
  std::vector<GapEntry> gaps;
  add_crash_gaps(records, 0, false, gaps);
  EXPECT_TRUE(gaps.empty());
}

/// Frames of which each is recorded, left out, or lost in one of two stages; and gaps that tell of
/// some of the losses.
struct Recording {
  std::vector<FrameRecord> records;
  std::vector<GapEntry> told;
  std::int64_t lost_by_write{};
  std::int64_t lost_by_capture{};
};

Recording random_recording(std::mt19937& random, bool leaves_out) {
  Recording recording;
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  std::uint64_t sequence = 0;
  std::int64_t last = -1;
  for (int i = 0; i < 30; ++i) {
    std::int64_t by_write = 0;
    std::int64_t by_capture = 0;
    if (last >= 0 && one_in(3)) by_write = static_cast<std::int64_t>(random() % 4);
    if (last >= 0 && one_in(3)) by_capture = static_cast<std::int64_t>(random() % 4);
    sequence += static_cast<std::uint64_t>(by_write);
    if (leaves_out) sequence += random() % 5;
    recording.records.push_back(
        record_of(sequence, static_cast<std::uint32_t>(by_write + by_capture)));
    recording.lost_by_write += by_write;
    recording.lost_by_capture += by_capture;
    if (by_write > 0 && one_in(2))
      recording.told.push_back({last, by_write, 1, "write", "disk-full"});
    if (by_capture > 0 && one_in(2)) {
      recording.told.push_back({last, by_capture, 1, "capture", "ring-full"});
    }
    last = static_cast<std::int64_t>(sequence++);
  }
  std::ranges::shuffle(recording.told, random);
  return recording;
}

TEST(CrashGaps, GapsTellOfEveryLossOnceWhateverWasToldBefore) {
  std::mt19937 random(9);
  for (int round = 0; round < 2000; ++round) {
    const bool leaves_out = round % 2 == 1;
    const Recording recording = random_recording(random, leaves_out);
    std::vector<GapEntry> gaps = recording.told;
    add_crash_gaps(recording.records, 0, leaves_out, gaps);
    const std::int64_t by_write = frames_in(gaps, "write", false);
    const std::int64_t by_capture = frames_in(gaps, "capture", false);
    ASSERT_EQ(by_write + by_capture, recording.lost_by_write + recording.lost_by_capture);
    if (!leaves_out) {
      ASSERT_EQ(by_write, recording.lost_by_write) << "round " << round;
    }
    ASSERT_TRUE(std::ranges::is_sorted(gaps, {}, &GapEntry::after_sequence));
    for (std::size_t i = 1; i < recording.records.size(); ++i) {
      const auto after = static_cast<std::int64_t>(recording.records[i - 1].sequence);
      std::int64_t here = 0;
      for (const GapEntry& gap : gaps) here += gap.after_sequence == after ? gap.frames : 0;
      ASSERT_EQ(here, std::int64_t{recording.records[i].dropped_before}) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace framelog
