#include "store/event_log.hpp"

#include "segment_fixture.hpp"

namespace framelog {
namespace {

TEST_F(SegmentTest, AnEventLogReadsBackWhatWasAdded) {
  const auto path = directory_ / "a.h5.events";
  {
    auto log = EventLog::create(files_, path).value();
    log.add(files_, GapEntry{7, 2, 30, "write", "disk-full"}, 10);
    log.add(files_, ClockEntry{5, 6, true});
    log.add(files_, EventEntry{8, "a \"quoted\"\nline"});
    log.add(files_, EventEntry{9, "mine", "ada"});
    log.add(files_, QuantityEntry{10, "temperature", 21.5, "degC"});
  }
  std::ofstream(path, std::ios::app) << R"({"kind":"gap","after_seq)";
  const SegmentEvents events = read_events(files_, path);
  ASSERT_EQ(events.gaps.size(), 1U);
  EXPECT_EQ(events.gaps[0].after_sequence, 7);
  EXPECT_EQ(events.gaps[0].reason, "disk-full");
  ASSERT_EQ(events.clock.size(), 1U);
  EXPECT_TRUE(events.clock[0].synchronised);
  ASSERT_EQ(events.events.size(), 2U);
  EXPECT_EQ(events.events[0].text, "a \"quoted\"\nline");
  EXPECT_EQ(events.events[0].author, "");
  EXPECT_EQ(events.events[1].author, "ada");
  ASSERT_EQ(events.quantities.size(), 1U);
  EXPECT_EQ(events.quantities[0].utc_ns, 10);
  EXPECT_EQ(events.quantities[0].key, "temperature");
  EXPECT_EQ(events.quantities[0].value, 21.5);
  EXPECT_EQ(events.quantities[0].unit, "degC");
}

TEST_F(SegmentTest, ABrokenLineOfAnEventLogCostsNoOther) {
  std::ofstream(directory_ / "e") << "{\"kind\":\"gap\"}\nnonsense\n\n[]\n"
                                  << R"({"kind":"event","utc_ns":1,"text":"x"})"
                                  << "\n";
  EXPECT_EQ(read_events(files_, directory_ / "e").events.size(), 1U);
  EXPECT_TRUE(read_events(files_, directory_ / "absent").events.empty());
}

TEST_F(SegmentTest, BehindTheMostGapsOnlyThoseInTheMiddleAreJoined) {
  EventLog log;
  log.add(files_, GapEntry{-1, 5, 10, "write", "disk-full"}, 2);
  log.add(files_, GapEntry{3, 1, 10, "write", "disk-full"}, 2);
  log.add(files_, GapEntry{4, 2, 10, "write", "disk-full"}, 2);
  log.add(files_, GapEntry{9, 4, -1, "write", "disk-full"}, 2);
  const auto& gaps = log.entries().gaps;
  ASSERT_EQ(gaps.size(), 3U);
  EXPECT_EQ(gaps[0].frames, 5);
  EXPECT_EQ(gaps[1].frames, 3);
  EXPECT_EQ(gaps[1].duration_ns, 20);
  EXPECT_EQ(gaps[2].frames, 4);
}

TEST_F(SegmentTest, AnEventLogIsNeverWrittenOverAnother) {
  std::ofstream(directory_ / "e") << "x";
  EXPECT_EQ(EventLog::create(files_, directory_ / "e").error().code, ErrorCode::kExists);
}

}  // namespace
}  // namespace framelog
