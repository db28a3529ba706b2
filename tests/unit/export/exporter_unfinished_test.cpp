#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lossy_exports.hpp"
#include "store/event_log.hpp"

namespace framelog {
namespace {

/// Exports of recordings whose recorder died, or goes on.
class UnfinishedExportsTest : public LossyExportsTest {
 protected:
  /// Frames 0 to 19 as lossy(), which the recorder has not finished, nor noted what was lost behind
  /// the last. Without the log only the frame table tells of the losses.
  Recording unfinished(const std::string& format, const std::string& name, bool has_log = true,
                       std::uint64_t first = 0, std::int64_t number = 1) {
    auto recording = start(format, name, first, number);
    record(recording, 9, first > 0 ? 1 : 0);
    record(recording, 3, 2);
    record(recording, 5, 3, 3);
    if (!has_log) return recording;
    auto log = EventLog::create(files_, events_path(recording.part));
    EXPECT_TRUE(log);
    const auto at = static_cast<std::int64_t>(first);
    if (first > 0) log->add(files_, GapEntry{at - 1, 1, -1, "source", "sequence-gap"}, 100);
    log->add(files_, GapEntry{at + 8, 2, -1, "source", "sequence-gap"}, 100);
    log->add(files_, GapEntry{at + 11, 3, -1, "write", "disk-full"}, 100);
    return recording;
  }
};

TEST_F(UnfinishedExportsTest, OfAnUnfinishedRecordingTellItsLosses) {
  for (const char* from : {"hdf5", "hdf5 gzip", "raw", "tiff"}) {
    for (const bool has_log : {true, false}) {
      auto recording = unfinished(from, fmt::format("{} {}", from, has_log), has_log);
      const auto export_all = [&] {
        auto wanted = request(recording.part, "raw", "");
        const auto path = exported(wanted);
        EXPECT_EQ(gaps(path), (Frames{2, 3})) << from << has_log;
        EXPECT_EQ(problems(path), Texts{}) << from << has_log;
        const auto accounting = verify_segment(files_, path).accounting;
        EXPECT_EQ(accounting.recorded, 17U);
        EXPECT_EQ(accounting.total_dropped() + accounting.total_lost_at_source(), 5U);
        EXPECT_EQ(accounting.skipped, 0U) << from << has_log;
        const auto copy = open(path);
        EXPECT_EQ(copy->note(9)->lost_before, 2U) << from << has_log;
        EXPECT_EQ(copy->note(12)->lost_before, 3U) << from << has_log;
      };
      export_all();  // It grows.
      kill(recording);
      export_all();
      EXPECT_EQ(gaps(part(recording.part, "hdf5", {{Axis::kTime, 9, 17}})), Frames{3});
    }
  }
}

TEST_F(UnfinishedExportsTest, OfAnUnfinishedScanTellWhatEmptiesItsPoints) {
  auto about = description(1);
  about.scan = Scan{2, 3, 0, 0};
  auto recording = start("raw", "scan", 0, about);
  for (const std::uint64_t number : {0U, 1U, 2U, 3U, 4U, 7U, 8U, 9U, 10U, 11U}) {
    append(recording, number, number < 5 ? number : number - 2, number == 7 ? 2 : 0);
  }
  kill(recording);
  EXPECT_EQ(gaps(exported(request(recording.part, "raw", ""))), Frames{2});
  EXPECT_EQ(gaps(part(recording.part, "raw", {{Axis::kTime, 0, 1}})), Frames{2});
  EXPECT_EQ(gaps(part(recording.part, "raw", {{Axis::kScanX, 2, 3}})), Frames{2});
  EXPECT_EQ(gaps(part(recording.part, "raw", {{Axis::kScanX, 1, 2}})), Frames{});
}

TEST_F(UnfinishedExportsTest, OfARunWithAnUnfinishedSegmentTellAllLosses) {
  for (const bool has_log : {true, false}) {
    auto first = start("raw", fmt::format("first{}", has_log), 0);
    record(first, 5);
    record(first, 5, 4);
    first.events.gaps = {{4, 4, -1, "source", "sequence-gap"}};
    auto wanted = request(finish(first), "raw", "");
    auto second = unfinished("raw", fmt::format("second{}", has_log), has_log, 10, 2);
    kill(second);
    wanted.input.paths.push_back(second.part);
    const auto path = exported(wanted);
    EXPECT_EQ(gaps(path), (Frames{4, 1, 2, 3}));
    EXPECT_EQ(problems(path), Texts{});
  }
}

TEST_F(UnfinishedExportsTest, OfARecordingThatGrowsEndWithItsFrames) {
  auto recording = unfinished("raw", "growing");
  const auto opened = open(recording.part);
  auto log = EventLog::resume(files_, events_path(recording.part));
  ASSERT_TRUE(log);
  log->add(files_, GapEntry{19, 7, -1, "source", "sequence-gap"}, 100);
  record(recording, 1, 7);
  log->add(files_, GapEntry{20, 9, -1, "source", "sequence-gap"}, 100);
  EXPECT_EQ(opened->facts().gaps.size(), 2U);
  // What is lost behind the last frame is known as soon as the log tells it.
  EXPECT_EQ(gaps(exported(request(recording.part, "raw", ""))), (Frames{2, 3, 7, 9}));
  log->add(files_, GapEntry{25, 5, -1, "source", "sequence-gap"}, 100);  // Of a frame to come.
  EXPECT_EQ(gaps(exported(request(recording.part, "raw", ""))), (Frames{2, 3, 7, 9}));
}

}  // namespace
}  // namespace framelog
