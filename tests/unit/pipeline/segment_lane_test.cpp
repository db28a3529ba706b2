#include "pipeline/segment_lane.hpp"

#include <gtest/gtest.h>

#include "recording.hpp"

namespace framelog {
namespace {

/// A lane of one RAW product, whose three sides the test plays itself.
class SegmentLaneTest : public testing::Test {
 protected:
  SegmentLaneTest() {
    RecordingPlan plan = recording.plan();
    set_run(plan, {"run", 1, 0, 0});
    std::filesystem::create_directories(plan.products.at(0).store->workshop);
    lane.emplace(SegmentStore(recording.files, *plan.products.at(0).store), wakeup);
  }

  void prepare() {
    auto prepared = lane->store().prepare(lane->next_number());
    ASSERT_TRUE(prepared) << describe(prepared.error());
    lane->put_ready(std::move(*prepared));
  }
  OpenSegment* open() {
    prepare();
    auto ready = lane->take_ready();
    FrameInfo first;
    first.utc_ns = first.monotonic_ns = 1;
    auto opened = lane->store().activate(std::move(*ready), first);
    EXPECT_TRUE(opened) << describe(opened.error());
    return &lane->open(std::move(*opened));
  }

  static constexpr Deadline kNow{std::chrono::seconds(100)};
  Recording recording;
  Wakeup wakeup;
  std::optional<SegmentLane> lane;
};

TEST_F(SegmentLaneTest, WantsOneSegmentAheadAndNumbersThem) {
  EXPECT_TRUE(lane->wants_segment(kNow));
  EXPECT_EQ(lane->next_number(), 1);
  prepare();
  EXPECT_FALSE(lane->wants_segment(kNow));
  EXPECT_EQ(lane->next_number(), 2);
  EXPECT_TRUE(lane->take_ready());
  EXPECT_FALSE(lane->take_ready());
  EXPECT_TRUE(lane->wants_segment(kNow));
}

TEST_F(SegmentLaneTest, SaysWhyNoSegmentCanBePreparedUntilOneIs) {
  lane->put_failure(DropReason::kDiskFull, kNow);
  EXPECT_EQ(lane->blocked(), DropReason::kDiskFull);
  EXPECT_TRUE(lane->wait_ready(kNoDeadline)) << "the writer need not wait";
  EXPECT_FALSE(lane->wants_segment(kNow - std::chrono::seconds(1)));
  EXPECT_EQ(lane->next_retry(true), kNow);
  EXPECT_EQ(lane->next_retry(false), kNoDeadline);
  EXPECT_TRUE(lane->wants_segment(kNow));
  prepare();
  EXPECT_FALSE(lane->blocked());
}

TEST_F(SegmentLaneTest, DoesNotFinishASegmentWhileItIsSynced) {
  OpenSegment* segment = open();
  lane->retire();
  EXPECT_EQ(lane->lease(), std::vector<OpenSegment*>{segment});
  EXPECT_EQ(lane->next_retired(kNow), nullptr);
  EXPECT_EQ(lane->next_retry(false), kNoDeadline) << "giving back wakes";
  const Wakeup::Ticket ticket = wakeup.ticket();
  lane->give_back();
  EXPECT_TRUE(wakeup.wait(ticket, Deadline{}));
  EXPECT_EQ(lane->next_retired(kNow), segment);
  EXPECT_TRUE(lane->lease().empty()) << "nor syncs one that is being finished";
  lane->finished();
}

TEST_F(SegmentLaneTest, TellsThatTheDiskWentWhileTheSegmentWasOpened) {
  prepare();
  auto ready = lane->take_ready();
  lane->lose(kNow);
  EXPECT_FALSE(lane->is_lost()) << "nothing is open";
  EXPECT_FALSE(lane->abandon_retired()) << "it is about to be";
  FrameInfo first;
  first.utc_ns = first.monotonic_ns = 1;
  auto opened = lane->store().activate(std::move(*ready), first);
  ASSERT_TRUE(opened);
  lane->open(std::move(*opened));
  EXPECT_TRUE(lane->is_lost());
  lane->retire();
  EXPECT_TRUE(lane->abandon_retired());
  // The next one is on a disk that is there.
  open();
  EXPECT_FALSE(lane->is_lost());
  lane->retire();
  prepare();
  ASSERT_TRUE(lane->take_ready());
  EXPECT_FALSE(lane->abandon_retired());
  lane->not_opened();
  EXPECT_TRUE(lane->abandon_retired());
}

TEST_F(SegmentLaneTest, FinishesTheOthersWhileOneHasToWait) {
  OpenSegment* first = open();
  lane->retire();
  OpenSegment* second = open();
  lane->retire();
  ASSERT_EQ(lane->next_retired(kNow), first);
  lane->finish_later(kNow + std::chrono::seconds(5));
  EXPECT_EQ(lane->retired_count(), 2U);
  EXPECT_EQ(lane->lease(), std::vector<OpenSegment*>{second}) << "the first has closed its pixels";
  lane->give_back();
  ASSERT_EQ(lane->next_retired(kNow), second);
  lane->finished();
  EXPECT_FALSE(lane->is_finish_due(kNow));
  EXPECT_EQ(lane->next_retired(kNow), nullptr);
  EXPECT_EQ(lane->next_retry(false), kNow + std::chrono::seconds(5));
  EXPECT_EQ(lane->next_retired(kNow + std::chrono::seconds(5)), first);
  lane->finished();
  EXPECT_EQ(lane->retired_count(), 0U);
}

}  // namespace
}  // namespace framelog
