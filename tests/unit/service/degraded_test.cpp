#include "service/degraded.hpp"

#include <gtest/gtest.h>

#include "events.hpp"

namespace framelog {
namespace {

using Kinds = std::vector<EventKind>;
using Reasons = std::vector<DegradedReason>;

constexpr std::int64_t kSecond = 1'000'000'000;

/// A recorder of one product, looked at once a second.
struct Rig {
  Rig() {
    status.state = RecorderState::kRecording;
    status.session_number = 1;
    status.session.emplace();
    status.session->source_connected = true;
    status.session->clock_synchronised = true;
    status.session->products.emplace_back();
  }
  SessionStatus::Product& product() { return status.session->products[0]; }
  std::uint64_t& dropped(DropReason reason) {
    return product().accounting.dropped[static_cast<std::size_t>(reason)];
  }
  void look(int times = 1) {
    for (int i = 0; i < times; ++i) {
      now_ns += kSecond;
      product().accounting.received += 100;
      degraded.tick(status, lines_lost, now_ns);
    }
  }

  Events events;
  Degraded degraded;
  RecorderStatus status;
  bool lines_lost{};
  std::int64_t now_ns{1000 * kSecond};
};

TEST(Degraded, NothingIsSaidOfWhatIsWell) {
  Rig rig;
  rig.look(30);
  EXPECT_TRUE(rig.events.all.empty());
  EXPECT_TRUE(rig.degraded.reasons().empty());
  EXPECT_FALSE(rig.degraded.is_degraded());
}

TEST(Degraded, ASourceThatStaysAwayIsReportedOnce) {
  Rig rig;
  rig.look();
  rig.status.session->source_connected = false;
  rig.look();
  EXPECT_FALSE(rig.degraded.is_degraded()) << "it may be back at once";
  rig.look(20);
  EXPECT_EQ(rig.degraded.reasons(), Reasons{DegradedReason::kSourceLost});
  EXPECT_EQ(rig.events.kinds(), Kinds{EventKind::kDegraded});
  EXPECT_EQ(rig.events.all[0].text, "degraded: source-lost");
  rig.status.session->source_connected = true;
  rig.look(5);
  EXPECT_EQ(rig.events.kinds(), (Kinds{EventKind::kDegraded, EventKind::kHealthy}));
}

TEST(Degraded, GpioLinesThatAreNotThereAreAReason) {
  Rig rig;
  rig.lines_lost = true;
  rig.look();
  EXPECT_EQ(rig.degraded.reasons(), Reasons{DegradedReason::kLinesLost});
  EXPECT_TRUE(rig.degraded.is_degraded());
  EXPECT_EQ(rig.events.all[0].text, "degraded: lines-lost");
  rig.lines_lost = false;
  rig.look();
  EXPECT_EQ(rig.events.kinds(), (Kinds{EventKind::kDegraded, EventKind::kHealthy}));
}

TEST(Degraded, ARecorderThatDrainsNeedsNoSource) {
  Rig rig;
  rig.status.state = RecorderState::kDraining;
  rig.status.session->source_connected = false;
  rig.look(5);
  EXPECT_TRUE(rig.events.all.empty());
}

TEST(Degraded, AFullDiskIsToldByItself) {
  Rig rig;
  rig.look();
  rig.product().blocked = DropReason::kDiskFull;
  rig.look(3);
  EXPECT_EQ(rig.events.kinds(), (Kinds{EventKind::kDiskFull, EventKind::kDegraded}));
  rig.product().blocked.reset();
  rig.look();
  EXPECT_FALSE(rig.degraded.is_degraded());
}

TEST(Degraded, FewDropsDegradeAndManyAreAnEvent) {
  Rig rig;
  rig.product().accounting.received = 1'000'000;
  rig.look(12);
  rig.dropped(DropReason::kRingFull) += 1;  // Of 1000 in 10 s: the share itself is not above it.
  rig.look();
  EXPECT_EQ(rig.events.kinds(), Kinds{EventKind::kDegraded});
  EXPECT_EQ(rig.degraded.reasons(), Reasons{DegradedReason::kRingFull});
  rig.dropped(DropReason::kRingFull) += 1;
  rig.look(5);
  EXPECT_EQ(rig.events.kinds(), (Kinds{EventKind::kDegraded, EventKind::kDrops}));
  rig.look(6);
  EXPECT_EQ(rig.events.kinds(),
            (Kinds{EventKind::kDegraded, EventKind::kDrops, EventKind::kHealthy}))
      << "10 s after the last one";
}

TEST(Degraded, ALossThatGoesOnIsOneEvent) {
  Rig rig;
  rig.look();
  for (int i = 0; i < 30; ++i) {
    rig.dropped(DropReason::kWriteError) += 50;
    rig.look();
  }
  EXPECT_EQ(rig.events.kinds(), (Kinds{EventKind::kDrops, EventKind::kDegraded}));
  EXPECT_EQ(rig.degraded.reasons(), Reasons{DegradedReason::kWriteError});
}

TEST(Degraded, ANewRunBeginsAnew) {
  Rig rig;
  rig.look(3);
  rig.status.session_number = 2;
  rig.product().accounting.received = 0;
  rig.dropped(DropReason::kRingFull) = 7;
  rig.look(5);
  EXPECT_TRUE(rig.events.all.empty()) << "what was lost before is not news";
}

TEST(Degraded, AClockThatIsNotSynchronisedIsInformation) {
  Rig rig;
  rig.look();
  rig.status.session->clock_synchronised = false;
  rig.look(3);
  EXPECT_EQ(rig.degraded.reasons(), Reasons{DegradedReason::kClockUnsynchronised});
  EXPECT_FALSE(rig.degraded.is_degraded());
  EXPECT_EQ(rig.events.kinds(), Kinds{EventKind::kClock});
}

TEST(Degraded, ASecondReasonIsTold) {
  Rig rig;
  rig.look();
  rig.product().blocked = DropReason::kNoDisk;
  rig.look();
  rig.status.session->source_connected = false;
  rig.look(2);
  ASSERT_EQ(rig.events.kinds(), (Kinds{EventKind::kDegraded, EventKind::kDegraded}));
  EXPECT_EQ(rig.events.all[1].text, "degraded: source-lost, no-disk");
}

}  // namespace
}  // namespace framelog
