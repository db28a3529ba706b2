#include "core/accounting.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <thread>

namespace framelog {
namespace {

TEST(Accounting, KnowsWhatIsStillInFlight) {
  Accounting accounting;
  accounting.received = 100;
  accounting.recorded = 50;
  accounting.merged = 10;
  accounting.skipped = 5;
  accounting.not_recorded = 4;
  accounting.dropped = {1, 2, 3, 0, 0, 0, 0, 0, 4};
  accounting.lost_at_source = {7, 8};
  EXPECT_EQ(accounting.total_dropped(), 10U);
  EXPECT_EQ(accounting.in_flight(), 21U);
  EXPECT_EQ(accounting.total_lost_at_source(), 15U) << "beside the equation";
}

TEST(Accounting, AddsUpTheDropsOfBothStages) {
  CaptureCounters capture{};
  ProductCounters product{};
  add(capture.received, 20);
  add(capture.dropped[2], 3);
  add(product.dropped[2], 4);
  add(product.dropped[8], 1);
  add(capture.lost_at_source[1], 9);
  add(product.recorded, 5);
  add(product.merged, 2);
  add(product.skipped, 1);
  add(product.not_recorded, 3);
  const Accounting accounting = snapshot(capture, product);
  EXPECT_EQ(accounting.dropped[2], 7U);
  EXPECT_EQ(accounting.dropped[8], 1U);
  EXPECT_EQ(accounting.lost_at_source[1], 9U);
  EXPECT_EQ(accounting.in_flight(), 1U);
}

TEST(Accounting, NeverSeesAFrameRecordedThatWasNotReceived) {
  CaptureCounters capture{};
  ProductCounters product{};
  std::atomic<std::uint64_t> handed_over{0};
  constexpr std::uint64_t kFrames = 50'000;
  std::jthread receiver([&] {
    for (std::uint64_t i = 1; i <= kFrames; ++i) {
      add(capture.received, 1);
      handed_over.store(i, std::memory_order_release);
    }
  });
  std::jthread recorder([&] {
    for (std::uint64_t i = 1; i <= kFrames; ++i) {
      while (handed_over.load(std::memory_order_acquire) < i) std::this_thread::yield();
      add(i % 2 == 0 ? product.recorded : product.dropped[0], 1);
    }
  });
  std::uint64_t done = 0;
  while (done < kFrames) {
    const Accounting accounting = snapshot(capture, product);
    done = accounting.recorded + accounting.total_dropped();
    ASSERT_LE(done, accounting.received);
  }
}

TEST(Accounting, HasANameForEveryReason) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDropReasons; ++i) names.insert(name_of(static_cast<DropReason>(i)));
  for (std::size_t i = 0; i < kLossReasons; ++i) names.insert(name_of(static_cast<LossReason>(i)));
  EXPECT_EQ(names.size(), kDropReasons + kLossReasons);
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace framelog
