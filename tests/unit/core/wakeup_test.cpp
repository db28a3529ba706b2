#include "core/wakeup.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(Wakeup, ReturnsAtItsDeadlineWhenNobodyNotifies) {
  Wakeup wakeup;
  const auto begin = steady_clock::now();
  EXPECT_FALSE(wakeup.wait(wakeup.ticket(), begin + milliseconds(5)));
  EXPECT_GE(steady_clock::now() - begin, milliseconds(5));
}

TEST(Wakeup, DoesNotSleepPastADeadlineThatIsOver) {
  Wakeup wakeup;
  EXPECT_FALSE(wakeup.wait(wakeup.ticket(), steady_clock::now() - milliseconds(1)));
  EXPECT_FALSE(wakeup.wait(wakeup.ticket(), Deadline{}));
  EXPECT_FALSE(wakeup.wait(wakeup.ticket(), Deadline::min()));
}

TEST(Wakeup, DoesNotSleepWhenNotifiedSinceItsTicketWasTaken) {
  Wakeup wakeup;
  const Wakeup::Ticket ticket = wakeup.ticket();
  wakeup.notify();
  EXPECT_TRUE(wakeup.wait(ticket, kNoDeadline));
  EXPECT_TRUE(wakeup.wait(ticket, Deadline{}));
  EXPECT_TRUE(wakeup.wait(ticket, steady_clock::now() - milliseconds(1)));
}

TEST(Wakeup, ForgetsNotificationsFromBeforeItsTicket) {
  Wakeup wakeup;
  wakeup.notify();
  EXPECT_FALSE(wakeup.wait(wakeup.ticket(), steady_clock::now() + milliseconds(1)));
}

TEST(Wakeup, WakesAllSleepers) {
  Wakeup wakeup;
  std::atomic<int> waiting{0};
  std::atomic<int> woken{0};
  std::vector<std::jthread> sleepers;
  for (int i = 0; i < 8; ++i) {
    sleepers.emplace_back([&] {
      const Wakeup::Ticket ticket = wakeup.ticket();
      ++waiting;
      if (wakeup.wait(ticket, kNoDeadline)) ++woken;
    });
  }
  while (waiting < 8) std::this_thread::yield();
  wakeup.notify();
  sleepers.clear();
  EXPECT_EQ(woken, 8);
}

// A lost notification is a hang here.
TEST(Wakeup, NeverLosesANotificationBetweenTwoThreadsThatWaitForEachOther) {
  constexpr int kRounds = 20'000;
  Wakeup ping;
  Wakeup pong;
  std::atomic<int> sent{0};
  std::atomic<int> answered{0};
  const auto await = [](Wakeup& wakeup, const std::atomic<int>& count, int wanted) {
    for (;;) {
      const Wakeup::Ticket ticket = wakeup.ticket();
      if (count.load() >= wanted) return;
      wakeup.wait(ticket, kNoDeadline);
    }
  };
  std::jthread other([&] {
    for (int round = 1; round <= kRounds; ++round) {
      await(ping, sent, round);
      answered = round;
      pong.notify();
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    sent = round;
    ping.notify();
    await(pong, answered, round);
  }
  other.join();
  EXPECT_EQ(answered, kRounds);
}

TEST(Wakeup, LetsAStoppingThreadEndASleeper) {
  Wakeup wakeup;
  std::atomic<bool> stopped{false};
  std::jthread sleeper([&] {
    for (;;) {
      const Wakeup::Ticket ticket = wakeup.ticket();
      if (stopped) return;
      wakeup.wait(ticket, kNoDeadline);
    }
  });
  stopped = true;
  wakeup.notify();
}

}  // namespace
}  // namespace framelog
