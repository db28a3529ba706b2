#include "store/recovery.hpp"

#include <fcntl.h>

#include "segment_fixture.hpp"
#include "store/verify.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

class RecoveryTest : public SegmentTest, public testing::WithParamInterface<const char*> {};

TEST_P(RecoveryTest, FinishesWhatADeadProcessLeft) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 12);
  kill(recording);
  const auto recovered = recover(files_, directory_);
  ASSERT_TRUE(recovered);
  ASSERT_EQ(recovered->size(), 1U);
  EXPECT_EQ(recovered->front().outcome, RecoveryOutcome::kFinished);
  EXPECT_EQ(recovered->front().frames, 12);
  const auto verified = verify_segment(files_, recovered->front().result);
  EXPECT_EQ(verified.problems, std::vector<std::string>{});
  EXPECT_EQ(verified.provenance.stop_reason, "recovered");
}

TEST_P(RecoveryTest, LeavesALivingRecordingAlone) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 3);
  EXPECT_TRUE(is_being_recorded(files_, recording.part));
  const auto before = left();
  EXPECT_EQ(recover_part(files_, recording.part).outcome, RecoveryOutcome::kInUse);
  EXPECT_EQ(left(), before);
  kill(recording);
  EXPECT_FALSE(is_being_recorded(files_, recording.part));
}

TEST_P(RecoveryTest, RemovesWhatHoldsNoFrame) {
  auto recording = start(GetParam(), "a", 0);
  kill(recording);
  EXPECT_EQ(recover_part(files_, recording.part).outcome, RecoveryOutcome::kEmpty);
  EXPECT_EQ(left(), std::vector<std::string>{});
}

TEST_P(RecoveryTest, GapsThatOnlyTheFrameTableKnowsAreCalledCrash) {
  auto recording = start(GetParam(), "a", 10);
  auto log = EventLog::create(files_, events_path(recording.part)).value();
  record(recording, 5, 2);
  record(recording, 5, 3, 3);
  log.add(files_, GapEntry{22, 3, 1, "write", "disk-full"}, 100);
  record(recording, 5, 7, 4);
  kill(recording);
  const auto recovered = recover_part(files_, recording.part);
  ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished);
  const auto verified = verify_segment(files_, recovered.result);
  EXPECT_EQ(verified.problems, std::vector<std::string>{});
  EXPECT_EQ(verified.accounting.recorded, 15U);
  // 2 before the first frame, 3 in the first jump, 1 in the second and 3 beside it.
  EXPECT_EQ(verified.accounting.dropped[static_cast<std::size_t>(DropReason::kCrash)], 9U);
  EXPECT_EQ(verified.accounting.dropped[static_cast<std::size_t>(DropReason::kDiskFull)], 3U);
  EXPECT_EQ(verified.unplaced_before_first, 2);
}

TEST_F(RecoveryTest, LeavesAFileAsItIsWhileItsDiskCannotBeRead) {
  auto recording = start("raw", "a", 0);
  record(recording, 20);
  kill(recording);
  FaultyFiles faulty;
  faulty.add({.call = Call::kRead, .first = 12, .count = kForEver, .path = ".raw.part"});
  const auto size = fs::file_size(recording.part);
  EXPECT_EQ(recover_part(faulty, recording.part).outcome, RecoveryOutcome::kFailed);
  EXPECT_GT(faulty.failed(), 0);
  EXPECT_EQ(fs::file_size(recording.part), size);
  const auto again = recover_part(files_, recording.part);
  EXPECT_EQ(again.outcome, RecoveryOutcome::kFinished);
  EXPECT_EQ(again.frames, 20);
}

TEST_P(RecoveryTest, KnowsTheClocksWithoutTheLog) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 3);
  kill(recording);
  const auto recovered = recover_part(files_, recording.part);
  ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished);
  const auto tree = recording.format->open(files_, recovered.result).value()->tree();
  if (recording.format->name == "hdf5") {
    EXPECT_NE(tree.value().find("clock  NXlog"), std::string::npos);
  }
}

TEST_P(RecoveryTest, PublishingIsDoneWithTheRename) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 5);
  recording.writer->close_pixels();
  FaultyFiles faulty;
  faulty.add({.call = Call::kSyncDirectory,
              .first = std::string(GetParam()) == "hdf5" ? 2 : 1,
              .count = kForEver});
  Accounting accounting;
  accounting.received = accounting.recorded = 5;
  const auto finished =
      finish_part(faulty, *recording.format, {recording.part, 5, "stop", {}, accounting, {}});
  ASSERT_TRUE(finished) << describe(finished.error());
  EXPECT_GT(faulty.failed(), 0);
  kill(recording);
  EXPECT_EQ(verify_segment(files_, finished->path).problems, std::vector<std::string>{});
}

TEST_P(RecoveryTest, FramesThatAreNotWholeAreLostInTheCrash) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 10);
  ASSERT_TRUE(recording.writer->sync());
  record(recording, 10);
  kill(recording);
  flip_byte(recording.part, place_of(recording.part, 15));
  const auto recovered = recover_part(files_, recording.part);
  ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished);
  EXPECT_EQ(recovered.frames, 15);
  EXPECT_EQ(recovered.lost, 5);
  const auto verified = verify_segment(files_, recovered.result);
  EXPECT_EQ(verified.problems, std::vector<std::string>{});
  EXPECT_EQ(verified.accounting.received, 20U);
}

TEST_P(RecoveryTest, WhereNoCountedFrameIsWholeNothingIsDeleted) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 2);
  kill(recording);
  flip_byte(recording.part, place_of(recording.part, 0));
  const auto recovered = recover_part(files_, recording.part);
  EXPECT_EQ(recovered.outcome, RecoveryOutcome::kQuarantined);
  EXPECT_TRUE(fs::exists(recovered.result));
  EXPECT_TRUE(fs::exists(recovered.result.string() + ".why"));
  EXPECT_EQ(left(), std::vector<std::string>{"quarantine"});
}

TEST_P(RecoveryTest, NeverTouchesAFinishedSegment) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 2);
  const auto path = finish(recording);
  const auto before = left();
  EXPECT_EQ(recover_part(files_, path).outcome, RecoveryOutcome::kFailed);
  EXPECT_EQ(left(), before);
  EXPECT_EQ(verify_segment(files_, path).problems, std::vector<std::string>{});
}

TEST_P(RecoveryTest, IsRepeatable) {
  auto recording = start(GetParam(), "a", 0);
  record(recording, 2);
  kill(recording);
  ASSERT_EQ(recover(files_, directory_)->size(), 1U);
  EXPECT_EQ(recover(files_, directory_)->size(), 0U);
}

/// A description whose processing leaves frames out.
SegmentDescription leaving_out(SegmentDescription d, std::string_view step) {
  d.steps.push_back({std::string(step), {{"n", std::vector<std::int64_t>{3}}}});
  RunFacts run;
  run.driver = "simulator";
  d.provenance_json = start_provenance(run, d);
  return d;
}

TEST_P(RecoveryTest, WhatWasLeftOutIsAccountedForAndIsNoLoss) {
  for (const std::string_view step : {kKeepEveryStep, kSkipFlybackStep, kRecordStep}) {
    auto recording = start(GetParam(), std::string(step), 0, leaving_out(description(1), step));
    record(recording, 1);
    for (int i = 0; i < 9; ++i) record(recording, 1, 0, 2);
    record(recording, 1, 4, 2 + 3);
    kill(recording);
    const auto recovered = recover_part(files_, recording.part);
    ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished) << recovered.note;
    const auto verified = verify_segment(files_, recovered.result);
    EXPECT_EQ(verified.problems, std::vector<std::string>{});
    const Accounting& accounting = verified.accounting;
    EXPECT_EQ(accounting.recorded, 11U);
    EXPECT_EQ(accounting.total_dropped(), 4U) << step;
    EXPECT_EQ(accounting.skipped + accounting.not_recorded + accounting.total_dropped(), 9 * 2 + 5U)
        << "all numbers between the first and the last frame";
    EXPECT_EQ(step == kRecordStep ? accounting.skipped : accounting.not_recorded, 0U) << step;
    EXPECT_EQ(accounting.received, 11U + 9 * 2 + 5);
  }
}

TEST_P(RecoveryTest, MergedFramesAreAccountedForByTheirRecords) {
  auto recording = start(GetParam(), "a", 3, leaving_out(description(1), kAccumulateStep));
  record(recording, 1, 0, 0, {}, 4);
  for (int i = 0; i < 5; ++i) record(recording, 1, 0, 3, {}, 4);
  record(recording, 1, 2, 1 + 2, {}, 2);
  kill(recording);
  const auto recovered = recover_part(files_, recording.part);
  ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished) << recovered.note;
  const auto verified = verify_segment(files_, recovered.result);
  EXPECT_EQ(verified.problems, std::vector<std::string>{});
  EXPECT_EQ(verified.accounting.recorded, 7U);
  EXPECT_EQ(verified.accounting.merged, 6 * 3 + 1U);
  EXPECT_EQ(verified.accounting.total_dropped(), 2U);
  EXPECT_EQ(verified.accounting.skipped + verified.accounting.not_recorded, 0U);
}

INSTANTIATE_TEST_SUITE_P(Formats, RecoveryTest,
                         testing::Values("hdf5", "raw", "hdf5 gzip", "tiff", "imagej-tiff"));

TEST_F(SegmentTest, WhatIsNoSegmentGoesToQuarantineWithEverythingBesideIt) {
  for (int i = 0; i < 2; ++i) {
    std::ofstream(directory_ / "x.h5.part") << "not HDF5";
    std::ofstream(directory_ / "x.h5.events") << "{}\n";
    const auto recovered = recover(files_, directory_);
    ASSERT_EQ(recovered->size(), 1U);
    EXPECT_EQ(recovered->front().outcome, RecoveryOutcome::kQuarantined);
  }
  EXPECT_EQ(left(), std::vector<std::string>{"quarantine"});
  EXPECT_EQ(files_.list(directory_ / "quarantine")->size(), 6U);
}

TEST_F(SegmentTest, LinksAreNotFollowed) {
  auto recording = start("hdf5", "a", 0);
  record(recording, 2);
  kill(recording);
  fs::create_directory(directory_ / "other");
  fs::create_directory_symlink("..", directory_ / "other" / "loop");
  fs::create_symlink(recording.part, directory_ / "other" / "link.h5.part");
  EXPECT_EQ(recover(files_, directory_ / "other")->size(), 0U);
  EXPECT_TRUE(fs::exists(recording.part));
  const auto by_link = recover(files_, directory_ / "other" / "link.h5.part");
  ASSERT_EQ(by_link->size(), 1U);
  EXPECT_EQ(by_link->front().result, directory_ / "a.h5");
}

TEST_F(SegmentTest, PreparedSegmentsOfADeadDaemonGoAndThoseWithFramesStay) {
  const auto workshop = directory_ / ".framelog" / "bench";
  fs::create_directories(workshop);
  std::ofstream(workshop / "lock") << "1";
  std::ofstream(workshop / "runs") << "1\n";
  std::ofstream(workshop / "notes.txt") << "mine";
  std::ofstream(workshop / "half.h5.new") << "x";
  const SegmentFormat& format = *find_format("hdf5");
  auto empty = format.prepare(files_, workshop / "whole-000001", description(1));
  ASSERT_TRUE(empty);
  auto filled = format.prepare(files_, workshop / "whole-000002", description(2));
  ASSERT_TRUE(filled);
  Recording recording;
  recording.writer = std::move(*filled);
  record(recording, 4);
  kill(recording);
  empty->reset();
  // A name that is taken must not cost the frames.
  std::ofstream(directory_ / "recovered_whole-000002.h5") << "taken";
  const auto recovered = recover(files_, directory_);
  ASSERT_TRUE(recovered);
  ASSERT_EQ(recovered->size(), 1U);
  EXPECT_EQ(recovered->front().frames, 4);
  EXPECT_TRUE(fs::exists(directory_ / "recovered_whole-000002_2.h5"));
  EXPECT_EQ(files_.list(workshop).value(), (std::vector<std::string>{"lock", "notes.txt", "runs"}));
}

TEST_F(SegmentTest, HalfNamedFilesOfARawAreRemovedOnceTheirProcessIsDead) {
  auto recording = start("raw", "a", 0);
  fs::remove(recording.part);
  EXPECT_EQ(recover(files_, directory_)->size(), 0U);
  EXPECT_EQ(left(), (std::vector<std::string>{"a.frames.part", "a.json.part"}));
  kill(recording);
  EXPECT_EQ(recover(files_, directory_)->size(), 0U);
  EXPECT_EQ(left(), std::vector<std::string>{});
}

TEST_F(SegmentTest, APlaceThatIsNotThereIsAnError) {
  EXPECT_EQ(recover(files_, directory_ / "absent").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace framelog
