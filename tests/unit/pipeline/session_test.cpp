#include "pipeline/session.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "recording.hpp"

namespace framelog {
namespace {

TEST(Session, RecordsEveryFrameOfEveryProduct) {
  Recording recording;
  recording.set("realtime", "reduce_threads", "3");
  recording.source.frames(500);
  recording.run();
  EXPECT_EQ(recording.end, CaptureEnd::kEndOfSource);
  for (const std::string product : {"raw", "h5"}) {
    const Accounting& accounting = recording.accounting(product);
    EXPECT_EQ(accounting.received, 500U);
    EXPECT_EQ(accounting.recorded, 500U);
    EXPECT_EQ(accounting.in_flight(), 0U);
    const auto segments = recording.segments(product);
    ASSERT_EQ(segments.size(), 1U);
    EXPECT_EQ(segments[0].frames, 500);
    EXPECT_EQ(segments[0].accounting.received, 500U);
    EXPECT_EQ(segments[0].provenance.stop_reason, "end of source");
  }
  EXPECT_TRUE(recording.leftovers().empty());
}

TEST(Session, WithoutAFrameLeavesNoFile) {
  Recording recording;
  recording.run();
  EXPECT_TRUE(recording.segments("raw").empty());
  EXPECT_TRUE(recording.segments("h5").empty());
  EXPECT_TRUE(recording.leftovers().empty());
}

TEST(Session, StopsWhenAskedAndRecordsAllThatWasCapturedUntilThen) {
  Recording recording;
  recording.source.frames_until_cancelled();
  ASSERT_TRUE(recording.start());
  while (recording.session->status().received < 100) std::this_thread::yield();
  recording.session->request_stop();
  recording.session->request_stop();
  recording.finish();
  EXPECT_EQ(recording.end, CaptureEnd::kStopped);
  EXPECT_EQ(recording.accounting("raw").recorded, recording.status.received);
  const auto segments = recording.segments("raw");
  ASSERT_FALSE(segments.empty());
  EXPECT_EQ(segments.back().provenance.stop_reason, "stop");
}

TEST(Session, ThatIsGivenUpStillFinishesItsFiles) {
  Recording recording;
  recording.source.frames_until_cancelled();
  ASSERT_TRUE(recording.start());
  while (recording.session->status().received < 10) std::this_thread::yield();
  recording.session.reset();
  const auto segments = recording.segments("raw");
  ASSERT_FALSE(segments.empty());
  EXPECT_EQ(segments.back().provenance.stop_reason, "stop");
  EXPECT_TRUE(recording.leftovers().empty());
}

TEST(Session, RefusesASecondRecorderInTheSamePlace) {
  Recording recording;
  recording.source.frames_until_cancelled();
  ASSERT_TRUE(recording.start());
  ScriptedSource other(recording.clock, recording.source.info.shape);
  const auto second = Session::start(other, recording.plan(), recording.files, recording.clock);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  recording.session->request_stop();
  recording.finish();
  EXPECT_EQ(other.starts, 0);
}

TEST(Session, NumbersItsRuns) {
  Recording recording;
  recording.set("files", "template", "{product}_{run}_{segment:04}");
  for (const int run : {1, 2}) {
    recording.source.frames(1);
    recording.run();
    EXPECT_EQ(recording.segments("h5").size(), static_cast<std::size_t>(run));
  }
  EXPECT_EQ(recording.segments("h5").at(1).provenance.run_number, 2);
}

TEST(Session, ReducesAProductWithoutFilesAndCountsItAsNotRecorded) {
  Recording recording;
  recording.set("product.live", "format", "none");
  recording.source.frames(30);
  recording.run();
  EXPECT_EQ(recording.accounting("live").not_recorded, 30U);
  EXPECT_EQ(recording.accounting("live").in_flight(), 0U);
  EXPECT_EQ(recording.accounting("raw").recorded, 30U);
}

TEST(Session, EndsWhenTheGeometryChangesAndSaysWhatComesNow) {
  Recording recording;
  recording.source.frames(10)
      .then([&] {
        recording.source.info.shape = {2, 2, PixelType::kUint16};
      })
      .fail_with(ErrorCode::kGeometry);
  ASSERT_TRUE(recording.start());
  EXPECT_EQ(recording.session->drain(), CaptureEnd::kGeometry);
  ASSERT_TRUE(recording.session->new_shape());
  EXPECT_EQ(recording.session->new_shape()->shape, recording.source.info.shape);
  recording.finish();
  EXPECT_EQ(recording.accounting("h5").received, 11U);
  EXPECT_EQ(recording.accounting("h5").recorded, 10U);
  const auto segments = recording.segments("h5");
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(dropped(segments[0].accounting, DropReason::kIncomplete), 1U) << "a loss at the tail";
  EXPECT_EQ(segments[0].provenance.stop_reason, "change of geometry");
}

TEST(Session, PutsLossesAtTheSourceIntoTheFile) {
  Recording recording;
  recording.source.frames(5).lose(3).frames(5).lose(2).fail_with(ErrorCode::kIo).frames(5);
  recording.run();
  for (const std::string product : {"raw", "h5"}) {
    const auto segments = recording.segments(product);
    ASSERT_EQ(segments.size(), 1U);
    EXPECT_EQ(lost(segments[0].accounting, LossReason::kSequenceGap), 3U);
    EXPECT_EQ(lost(segments[0].accounting, LossReason::kDisconnected), 2U);
    EXPECT_EQ(segments[0].accounting.received, 15U);
  }
}

TEST(Session, NotesADisconnectionOfUnknownLengthAsAGap) {
  Recording recording;
  recording.source.info.numbered = false;
  recording.source.frames(5).fail_with(ErrorCode::kDisconnected).frames(5);
  recording.run();
  const auto segments = recording.segments("h5");
  ASSERT_EQ(segments.size(), 1U);
  auto reader = format_of(segments[0].path)->open(system_files(), segments[0].path);
  ASSERT_TRUE(reader);
  const auto gaps = (*reader)->gaps();
  ASSERT_TRUE(gaps);
  ASSERT_EQ(gaps->size(), 1U);
  EXPECT_EQ(gaps->front().after_sequence, 4);
  EXPECT_EQ(gaps->front().frames, -1);
  EXPECT_EQ(gaps->front().duration_ns, ScriptedSource::kPeriodNs);
  EXPECT_EQ(gaps->front().stage, "source");
  EXPECT_EQ(gaps->front().reason, "disconnected");
}

TEST(Session, DropsWithTheReasonThatTheNextSegmentIsNotReady) {
  Recording recording;
  recording.slots = 8;
  recording.set("ring", "overflow", "drop");
  recording.set("roll", "max_frames", "4");
  // The first segment is ready before the first frame; the second is not before release().
  recording.source.then([&] { recording.files.hold(Call::kReserve, ".framelog"); });
  recording.source.frames_until_cancelled();
  ASSERT_TRUE(recording.start());
  const auto raw = [&] { return recording.session->status().products.at(0).accounting; };
  while (dropped(raw(), DropReason::kSegmentNotReady) == 0) std::this_thread::yield();
  EXPECT_EQ(raw().recorded, 4U);
  recording.files.release();
  while (raw().recorded < 40) std::this_thread::yield();
  recording.session->request_stop();
  recording.finish();
  const Accounting& accounting = recording.accounting("raw");
  EXPECT_EQ(accounting.recorded + accounting.total_dropped(), accounting.received);
  const Total total = total_of(recording.segments("raw"));
  EXPECT_EQ(total.received, accounting.received);
  EXPECT_EQ(total.dropped, accounting.total_dropped());
  EXPECT_TRUE(recording.leftovers().empty());
}

struct RollCase {
  std::string key, text, reason;
};

// Without it the list of tests would show the bytes of the object.
void PrintTo(const RollCase& roll, std::ostream* out) { *out << roll.key << " = " << roll.text; }

class SessionRolls : public testing::TestWithParam<RollCase> {};

TEST_P(SessionRolls, BetweenTwoFramesWithoutLosingOne) {
  Recording recording;
  recording.set("product.raw", GetParam().key, GetParam().text);
  recording.set("product.h5", GetParam().key, GetParam().text);
  const auto minute = 60'000'000'000;
  for (int part = 0; part < 3; ++part) {
    recording.source.frames(50).then([&] { recording.clock.move(minute); });
  }
  // To the next hour, for the roll that is aligned to it.
  recording.source.then([&] { recording.clock.move(60 * minute); }).frames(25);
  recording.run();
  for (const std::string product : {"raw", "h5"}) {
    EXPECT_EQ(recording.accounting(product).recorded, 175U);
    const auto segments = recording.segments(product);
    ASSERT_GE(segments.size(), 2U);
    EXPECT_EQ(segments.front().provenance.stop_reason, GetParam().reason);
    EXPECT_EQ(segments.back().provenance.stop_reason, "end of source");
    EXPECT_EQ(total_of(segments).frames, 175);
    EXPECT_EQ(total_of(segments).received, 175U);
    for (std::size_t i = 1; i < segments.size(); ++i) {
      EXPECT_EQ(segments[i].first_sequence, segments[i - 1].last_sequence + 1);
    }
  }
  EXPECT_TRUE(recording.leftovers().empty());
}

INSTANTIATE_TEST_SUITE_P(Reasons, SessionRolls,
                         testing::Values(RollCase{"max_frames", "20", "frames"},
                                         RollCase{"max_duration", "30 s", "duration"},
                                         RollCase{"align", "hour", "hour"}),
                         [](const auto& test) { return test.param.key; });

TEST(Session, RollsWhenASegmentIsFull) {
  Recording recording({256, 256, PixelType::kUint16});
  recording.set("ring", "memory", "4 MiB");
  recording.source.frames(40);
  recording.run();
  const auto segments = recording.segments("raw");
  ASSERT_GE(segments.size(), 2U);
  EXPECT_EQ(segments.front().provenance.stop_reason, "size");
  EXPECT_EQ(total_of(segments).frames, 40);
}

TEST(Session, KeepsLossesBehindTheLastFrameOfAFullSegmentInIt) {
  Recording recording;
  recording.slots = 20;
  recording.set("roll", "max_frames", "10");
  recording.source.frames(10).frames(3, kFlagCorrupt);
  recording.set("source", "incomplete", "drop");
  recording.run();
  const auto segments = recording.segments("raw");
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(segments[0].accounting.received, 13U);
  EXPECT_EQ(dropped(segments[0].accounting, DropReason::kIncomplete), 3U);
}

TEST(Session, CountsTheLossesOfARollInTheSegmentBehindIt) {
  Recording recording;
  recording.set("roll", "max_frames", "10");
  recording.set("source", "incomplete", "drop");
  recording.source.frames(10).frames(3, kFlagCorrupt).frames(10);
  recording.run();
  const auto segments = recording.segments("h5");
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[0].accounting.received, 10U);
  EXPECT_EQ(segments[1].accounting.received, 13U);
}

TEST(Session, ShowsItsStatusWhileItRecords) {
  Recording recording;
  recording.set("product.raw", "max_size", "64 MiB");  // No second segment begins meanwhile.
  recording.source.frames_until_cancelled();
  ASSERT_TRUE(recording.start());
  while (recording.session->status().products.at(1).accounting.recorded < 50) {
    std::this_thread::yield();
  }
  const SessionStatus status = recording.session->status();
  EXPECT_TRUE(status.source_connected);
  EXPECT_LE(status.ring_used_slots, status.ring_slots);
  EXPECT_EQ(std::filesystem::path(status.products.at(0).path).filename(), "raw_0001.raw.part");
  EXPECT_FALSE(recording.session->capture_ended());
  recording.session->request_stop();
  recording.finish();
}

}  // namespace
}  // namespace framelog
