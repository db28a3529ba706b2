#include "pipeline/capture_loop.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/fakes/plain_products.hpp"
#include "tests/fakes/scripted_source.hpp"

namespace framelog {
namespace {

constexpr FrameShape kShape{4, 8, PixelType::kUint8};
constexpr std::int64_t kMs = 1'000'000;
constexpr auto kFull = static_cast<std::size_t>(DropReason::kRingFull);
constexpr auto kNotReady = static_cast<std::size_t>(DropReason::kSegmentNotReady);
constexpr auto kIncomplete = static_cast<std::size_t>(DropReason::kIncomplete);
constexpr auto kGap = static_cast<std::size_t>(LossReason::kSequenceGap);
constexpr auto kGone = static_cast<std::size_t>(LossReason::kDisconnected);

/// Capture alone, in the test's thread: nobody takes frames out of the ring.
class CaptureLoopTest : public testing::Test {
 protected:
  CaptureLoopTest() : source(clock, kShape) {
    RingLayout layout{64, size_bytes(kShape), plain_products({0}), 1};
    ring = std::make_unique<Ring>(
        std::move(Ring::attach(Ring::create_memory(layout).value(), layout).value()));
    health.clock_synchronised = true;
  }

  CaptureEnd run() {
    loop.emplace(source, source.info, *ring, health, clock, options);
    return loop->run(stop.get_token());
  }
  const SlotHeader& frame(std::uint64_t sequence) { return ring->slot(sequence).header; }
  CaptureCounters& counters() { return ring->capture_counters(); }

  FakeClock clock;
  ScriptedSource source;
  std::unique_ptr<Ring> ring;
  Health health;
  CaptureOptions options;
  std::stop_source stop;
  std::optional<CaptureLoop> loop;
};

TEST_F(CaptureLoopTest, GivesEachFrameItsSequenceAndTimesUntilTheSourceEnds) {
  source.frames(3);
  const std::int64_t start = clock.monotonic_ns();
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_TRUE(ring->closed());
  EXPECT_EQ(source.stops, 1);
  ASSERT_EQ(ring->captured(), 3U);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto offset = static_cast<std::int64_t>(i + 1) * ScriptedSource::kPeriodNs;
    EXPECT_EQ(frame(i).info.sequence, i);
    EXPECT_EQ(frame(i).info.source_sequence, i);
    EXPECT_EQ(frame(i).info.monotonic_ns, start + offset);
    EXPECT_EQ(frame(i).info.utc_ns, start + offset + FakeClock::kUtcStart);
    EXPECT_EQ(frame(i).info.flags, 0U);
    EXPECT_EQ(frame(i).received_total, i + 1);
    EXPECT_FALSE(frame(i).before.any());
    EXPECT_EQ(ring->slot(i).raw[31], ScriptedSource::byte_of(i, 31));
  }
  EXPECT_EQ(counters().received.load(), 3U);
  EXPECT_EQ(counters().bytes.load(), 96U);
  EXPECT_FALSE(loop->tail().any());
}

TEST_F(CaptureLoopTest, FlagsFramesWhileTheClockIsNotSynchronised) {
  source.frames(1)
      .then([this] { health.clock_synchronised = false; })
      .frames(1)
      .then([this] { health.clock_synchronised = true; })
      .frames(1);
  static_cast<void>(run());
  EXPECT_EQ(frame(0).info.flags, 0U);
  EXPECT_EQ(frame(1).info.flags, kFlagClockUnsynchronised);
  EXPECT_EQ(frame(2).info.flags, 0U);
}

TEST_F(CaptureLoopTest, StopsAfterAsManyFramesAsWereAskedFor) {
  options.most_frames = 5;
  source.frames(9);
  EXPECT_EQ(run(), CaptureEnd::kEnoughFrames);
  EXPECT_EQ(ring->captured(), 5U);
}

TEST_F(CaptureLoopTest, CountsAJumpOfTheHardwaresNumbersAsLostAtTheSource) {
  source.next_number = 100;
  source.frames(2).lose(7).frames(2);
  static_cast<void>(run());
  EXPECT_EQ(counters().lost_at_source[kGap].load(), 7U);
  EXPECT_EQ(counters().lost_at_source[kGone].load(), 0U);
  EXPECT_EQ(frame(2).before.lost_at_source[kGap], 7U);
  EXPECT_EQ(frame(2).before.duration_ns, ScriptedSource::kPeriodNs);
  EXPECT_FALSE(frame(3).before.any()) << "counted once";
  EXPECT_EQ(counters().received.load(), 4U);
}

TEST_F(CaptureLoopTest, CountsWhatWasLostAheadOfTheFirstFrameWhereItsNumberIsKnown) {
  source.first = 100;
  source.next_number = 103;
  source.frames(2);
  static_cast<void>(run());
  EXPECT_EQ(counters().lost_at_source[kGap].load(), 3U);
  EXPECT_EQ(frame(0).before.lost_at_source[kGap], 3U);
  EXPECT_GT(frame(0).before.duration_ns, 0);
  EXPECT_FALSE(frame(1).before.any());
}

TEST_F(CaptureLoopTest, TakesAFirstNumberThatNoCameraCanHaveReachedForNoLoss) {
  source.first = 1;
  source.next_number = 65400;
  source.info.rate_hz = 1000;
  source.frames(2);
  static_cast<void>(run());
  EXPECT_EQ(counters().lost_at_source[kGap].load(), 0U);
  EXPECT_FALSE(frame(0).before.any());
}

TEST_F(CaptureLoopTest, TakesAFirstNumberThatNobodyKnowsForNoLoss) {
  source.next_number = 9;
  source.frames(2);
  static_cast<void>(run());
  EXPECT_EQ(counters().lost_at_source[kGap].load(), 0U);
}

TEST_F(CaptureLoopTest, CountsWhatWasLostBehindTheLastFrameWhereTheEndIsKnown) {
  source.end = 20;
  source.frames(15);
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_EQ(counters().lost_at_source[kGap].load(), 5U);
  EXPECT_EQ(loop->tail().lost_at_source[kGap], 5U);
  EXPECT_GT(loop->tail().duration_ns, 0);
}

TEST_F(CaptureLoopTest, CountsNothingBehindTheLastFrameWhereNoneWasLost) {
  source.end = 20;
  source.frames(20);
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_FALSE(loop->tail().any());
}

TEST_F(CaptureLoopTest, CountsAllFramesOfASourceThatEndsBeforeAnyCame) {
  source.first = 3;
  source.end = 20;
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_EQ(counters().lost_at_source[kGap].load(), 17U);
}

TEST_F(CaptureLoopTest, CountsNothingBehindTheLastFrameOfASourceThatWasStopped) {
  source.end = 20;
  source.frames(2).then([this] { stop.request_stop(); }).fail_with(ErrorCode::kTimeout);
  EXPECT_EQ(run(), CaptureEnd::kStopped);
  EXPECT_FALSE(loop->tail().any());
}

TEST_F(CaptureLoopTest, CountsWhatASourceLostThatEndedWhileItWasAway) {
  source.end = 20;
  source.frames(2).fail_with(ErrorCode::kDisconnected);
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_EQ(counters().lost_at_source[kGone].load(), 18U);
  EXPECT_EQ(loop->tail().lost_at_source[kGone], 18U);
  EXPECT_FALSE(loop->tail().unknown);
}

TEST_F(CaptureLoopTest, HandsTheMemoryOfTheSourceToTheProcessAfter) {
  source.knows = {5, 6, 7, 8};
  source.next_number = 40;
  source.frames(3);
  static_cast<void>(run());
  EXPECT_EQ(source.recalled, SourceMemory{}) << "there was no process before";
  const CaptureLoop after(source, source.info, *ring, health, clock, options);
  EXPECT_EQ(source.recalled, (SourceMemory{5, 6, 7, 8}));
  EXPECT_EQ(source.recalled_last, 42U);
}

TEST_F(CaptureLoopTest, TakesJumpsOfASourceThatDoesNotNumberItsFramesForNothing) {
  source.info.numbered = false;
  source.frames(2).lose(7).frames(2);
  static_cast<void>(run());
  EXPECT_EQ(counters().lost_at_source[kGap].load(), 0U);
  EXPECT_FALSE(frame(2).before.any());
}

TEST_F(CaptureLoopTest, DropsTheNewestFrameWithTheWritersReasonWhenTheRingIsFull) {
  source.frames(66).then([this] { health.full_because = DropReason::kSegmentNotReady; }).frames(3);
  static_cast<void>(run());
  EXPECT_EQ(ring->captured(), 64U);
  EXPECT_EQ(frame(63).info.source_sequence, 63U) << "the oldest frames are kept";
  EXPECT_EQ(counters().received.load(), 69U);
  EXPECT_EQ(counters().dropped[kFull].load(), 2U);
  EXPECT_EQ(counters().dropped[kNotReady].load(), 3U);
  EXPECT_EQ(loop->tail().dropped[kFull], 2U);
  EXPECT_EQ(loop->tail().dropped[kNotReady], 3U);
  EXPECT_EQ(loop->tail().duration_ns, 5 * ScriptedSource::kPeriodNs);
  EXPECT_EQ(loop->received(), 69U);
}

TEST_F(CaptureLoopTest, TellsTheFrameBehindADropWhatWasDroppedBeforeIt) {
  source.frames(70)
      .then([this] {
        ring->advance_reduced(0, 10);
        ring->advance_written(10);
      })
      .frames(2);  // The first was asked for while there was no slot, and comes when there is one.
  static_cast<void>(run());
  ASSERT_EQ(ring->captured(), 66U);
  EXPECT_EQ(frame(64).before.dropped[kFull], 6U);
  EXPECT_EQ(frame(64).before.duration_ns, 7 * ScriptedSource::kPeriodNs);
  EXPECT_EQ(frame(64).received_total, 71U);
  EXPECT_FALSE(loop->tail().any());
}

TEST_F(CaptureLoopTest, CountsWhatTheSourceLostAroundFramesThatWereDropped) {
  source.frames(64).lose(2).frames(1).lose(3).frames(1);
  static_cast<void>(run());
  EXPECT_EQ(counters().lost_at_source[kGap].load(), 5U);
  EXPECT_EQ(loop->tail().lost_at_source[kGap], 5U);
  EXPECT_EQ(loop->tail().dropped[kFull], 2U);
}

TEST_F(CaptureLoopTest, LetsTheSourceWaitForASlotWhereThatIsThePolicy) {
  options.wait_when_full = true;
  source.frames(200);
  std::jthread consumer([this] {
    for (std::uint64_t next = 0; ring->wait(Stage::kReduce, next, kNoDeadline); ++next) {
      ring->advance_reduced(0, next + 1);
      ring->advance_written(next + 1);
    }
  });
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_EQ(ring->captured(), 200U);
  EXPECT_EQ(counters().dropped[kFull].load(), 0U);
}

TEST_F(CaptureLoopTest, StopsWhileItWaitsForASlot) {
  options.wait_when_full = true;
  source.frames(64).then([] { FAIL() << "read although there is no slot"; }).frames(1);
  std::jthread stopper([this] {
    ring->wait(Stage::kReduce, 63, kNoDeadline);
    stop.request_stop();
  });
  EXPECT_EQ(run(), CaptureEnd::kStopped);
  EXPECT_EQ(counters().received.load(), 64U);
}

TEST_F(CaptureLoopTest, KeepsDamagedFramesWithTheirFlag) {
  source.frames(1, kFlagIncomplete).frames(1, kFlagCorrupt).frames(1);
  static_cast<void>(run());
  EXPECT_EQ(ring->captured(), 3U);
  EXPECT_EQ(frame(0).info.flags, kFlagIncomplete);
  EXPECT_EQ(frame(1).info.flags, kFlagCorrupt);
}

TEST_F(CaptureLoopTest, DropsDamagedFramesWhereThatIsThePolicy) {
  options.drop_damaged = true;
  source.frames(1).frames(2, kFlagIncomplete).frames(1, kFlagCorrupt).frames(1);
  static_cast<void>(run());
  EXPECT_EQ(ring->captured(), 2U);
  EXPECT_EQ(counters().received.load(), 5U);
  EXPECT_EQ(counters().dropped[kIncomplete].load(), 3U);
  EXPECT_EQ(frame(1).before.dropped[kIncomplete], 3U);
  EXPECT_EQ(frame(1).info.source_sequence, 4U);
  EXPECT_EQ(ring->slot(1).raw[5], ScriptedSource::byte_of(4, 5));
}

TEST_F(CaptureLoopTest, ConnectsAgainAndCountsWhatTheNumbersSayWasLost) {
  source.frames(2).lose(10).fail_with(ErrorCode::kDisconnected).frames(1);
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_EQ(source.opens, 1);
  EXPECT_EQ(source.starts, 2);
  EXPECT_EQ(counters().reconnects.load(), 1U);
  EXPECT_EQ(counters().lost_at_source[kGone].load(), 10U);
  EXPECT_EQ(frame(2).before.lost_at_source[kGone], 10U);
  EXPECT_FALSE(frame(2).before.unknown);
}

TEST_F(CaptureLoopTest, SaysThatALossIsUnknownWhereNumbersBeginAnewOrThereAreNone) {
  source.frames(5).fail_with(ErrorCode::kIo).then([this] { source.next_number = 0; }).frames(2);
  static_cast<void>(run());
  EXPECT_EQ(counters().lost_at_source[kGone].load(), 0U);
  EXPECT_TRUE(frame(5).before.unknown);
  EXPECT_TRUE(frame(5).before.any());
  EXPECT_FALSE(frame(6).before.unknown);
}

TEST_F(CaptureLoopTest, BelievesNoNumbersOverAReconnectWhereEachStartCountsFromAnew) {
  source.info.renumbers = true;
  const auto anew = [this] { source.next_number = 7; };
  source.frames(5).fail_with(ErrorCode::kDisconnected).then(anew).frames(1).lose(3).frames(1);
  static_cast<void>(run());
  EXPECT_EQ(counters().lost_at_source[kGone].load(), 0U);
  EXPECT_TRUE(frame(5).before.unknown);
  EXPECT_EQ(counters().lost_at_source[static_cast<std::size_t>(LossReason::kSequenceGap)].load(),
            3U);
}

TEST_F(CaptureLoopTest, SaysThatALossIsUnknownWhereNoFrameCameAfterTheReconnection) {
  source.frames(2).fail_with(ErrorCode::kDisconnected);
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_EQ(counters().reconnects.load(), 1U);
  EXPECT_TRUE(loop->tail().unknown);
  EXPECT_GT(loop->tail().duration_ns, 0);
}

TEST_F(CaptureLoopTest, TakesSilenceForADisconnectionAfterTheTimeoutOnly) {
  options.stall_timeout = std::chrono::milliseconds(100);
  source.frames(1).silence(99 * kMs).frames(1).silence(60 * kMs).silence(40 * kMs).frames(1);
  static_cast<void>(run());
  EXPECT_EQ(counters().reconnects.load(), 1U);
  EXPECT_EQ(ring->captured(), 3U);
}

TEST_F(CaptureLoopTest, NeverTakesSilenceForADisconnectionWhereThatIsOff) {
  source.frames(1).silence(3'600'000 * kMs).frames(1);
  static_cast<void>(run());
  EXPECT_EQ(counters().reconnects.load(), 0U);
}

TEST_F(CaptureLoopTest, EndsWithADisconnectionWhereThatIsThePolicy) {
  options.reconnect = false;
  source.frames(1).fail_with(ErrorCode::kDisconnected).frames(1);
  EXPECT_EQ(run(), CaptureEnd::kDisconnected);
  EXPECT_EQ(ring->captured(), 1U);
  EXPECT_FALSE(health.source_connected.load());
  EXPECT_FALSE(loop->tail().any()) << "the recording ends where the source did";
}

TEST_F(CaptureLoopTest, TriesAgainUntilTheInstrumentIsBack) {
  source.frames(1)
      .then([this] { source.refused_opens = 1; })
      .fail_with(ErrorCode::kDisconnected)
      .frames(1);
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_EQ(source.opens, 2);
  EXPECT_EQ(ring->captured(), 2U);
  EXPECT_TRUE(health.source_connected.load());
}

TEST_F(CaptureLoopTest, StopsWhileTheInstrumentIsAway) {
  source.frames(1)
      .then([this] {
        source.refused_opens = 1'000'000;
        stop.request_stop();
      })
      .fail_with(ErrorCode::kDisconnected);
  EXPECT_EQ(run(), CaptureEnd::kStopped);
  EXPECT_TRUE(loop->tail().unknown) << "nobody knows what came while it was away";
}

TEST_F(CaptureLoopTest, EndsWithTheNewShapeOpenWhenTheGeometryHasChanged) {
  source.frames(2)
      .then([this] {
        source.next_number += 1;  // The frame that did not fit.
        source.info.shape = {2, 2, PixelType::kUint8};
      })
      .fail_with(ErrorCode::kGeometry);
  EXPECT_EQ(run(), CaptureEnd::kGeometry);
  ASSERT_TRUE(loop->new_shape());
  EXPECT_EQ(loop->new_shape()->shape, source.info.shape);
  EXPECT_EQ(source.stops, 1) << "before it was opened again, not behind that";
  EXPECT_EQ(counters().received.load(), 3U) << "a whole frame came that no slot could hold";
  EXPECT_EQ(loop->tail().dropped[kIncomplete], 1U);
}

TEST_F(CaptureLoopTest, CountsAFrameOfAnotherSizeOnceWhenTheNextOnesFitAgain) {
  source.frames(2).lose(1).fail_with(ErrorCode::kGeometry).frames(1);
  EXPECT_EQ(run(), CaptureEnd::kEndOfSource);
  EXPECT_EQ(counters().received.load(), 4U);
  EXPECT_EQ(frame(2).before.dropped[kIncomplete], 1U);
  EXPECT_EQ(counters().lost_at_source[kGone].load(), 0U) << "it did reach us";
}

}  // namespace
}  // namespace framelog
