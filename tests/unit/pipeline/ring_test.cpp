#include "pipeline/ring.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stop_token>
#include <thread>

#include "tests/fakes/plain_products.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr Deadline kPast = Deadline(std::chrono::nanoseconds(1));

RingLayout small_layout(std::uint32_t reducers = 1) {
  return {5, 100, plain_products({0, 24, 8}), reducers};
}

Ring make_ring(const RingLayout& layout) {
  auto memory = Ring::create_memory(layout);
  EXPECT_TRUE(memory) << describe(memory.error());
  auto ring = Ring::attach(std::move(*memory), layout);
  EXPECT_TRUE(ring) << describe(ring.error());
  return std::move(*ring);
}

UniqueFd same_memory(const UniqueFd& memory) {
  return UniqueFd(::fcntl(memory.get(), F_DUPFD_CLOEXEC, 0));
}

TEST(RingLayout, HasAnotherFingerprintWhereverItDiffers) {
  const RingLayout layout = small_layout();
  std::set<std::uint64_t> prints{layout.fingerprint()};
  RingLayout other = layout;
  other.slots = 6;
  prints.insert(other.fingerprint());
  other = layout;
  other.raw_bytes = 101;
  prints.insert(other.fingerprint());
  other = layout;
  other.reducers = 2;
  prints.insert(other.fingerprint());
  other = layout;
  other.products = plain_products({0, 8, 24});
  prints.insert(other.fingerprint());
  other.products = plain_products({24, 8});
  prints.insert(other.fingerprint());
  other.products = plain_products({0, 24, 8, 0});
  prints.insert(other.fingerprint());
  EXPECT_EQ(prints.size(), 7U);
  EXPECT_EQ(layout.fingerprint(), small_layout().fingerprint());
}

TEST(RingLayout, OfAsManySlotsAsFitNeverNeedsMoreThanThatMemory) {
  for (const std::uint64_t raw : {1U, 100U, 4096U, 5000U, 1U << 20U}) {
    RingLayout layout{1, raw, plain_products({0, raw / 4 + 1, 8}), 2};
    for (std::uint64_t memory = 0; memory < (std::uint64_t{16} << 20U); memory += 77'777) {
      layout.slots = RingLayout::slots_in(memory, layout);
      if (layout.slots == 0) continue;
      ASSERT_LE(layout.memory_bytes(), memory) << raw;
      RingLayout more = layout;
      more.slots += 1 + 5 * 4096 / layout.slot_bytes();
      ASSERT_GT(more.memory_bytes() + 5 * 4096, memory) << "half of the memory is not used";
    }
  }
}

TEST(Ring, PlacesFramesAndProductsApartAndOneBehindTheOther) {
  Ring ring = make_ring(small_layout());
  std::vector<std::pair<const std::byte*, const std::byte*>> areas;
  const auto add_area = [&](const void* begin, std::size_t bytes) {
    const auto* first = static_cast<const std::byte*>(begin);
    areas.emplace_back(first, first + bytes);
  };
  for (std::uint64_t i = 0; i < 5; ++i) {
    add_area(&ring.slot(i).header, sizeof(SlotHeader));
    add_area(ring.slot(i).raw.data(), 100);
    add_area(ring.product(i, 1).data(), 24);
    add_area(ring.product(i, 2).data(), 8);
    EXPECT_EQ(ring.product(i, 0).data(), ring.slot(i).raw.data()) << "the raw frame, not a copy";
    EXPECT_EQ(ring.slot(i + 5).raw.data(), ring.slot(i).raw.data());
    if (i == 0) continue;
    EXPECT_EQ(ring.slot(i).raw.data(), ring.slot(i - 1).raw.data() + 100);
    EXPECT_EQ(ring.product(i, 1).data(), ring.product(i - 1, 1).data() + 24);
    EXPECT_EQ(ring.product(i, 2).data(), ring.product(i - 1, 2).data() + 8);
  }
  add_area(&ring.capture_counters(), sizeof(CaptureCounters));
  for (std::size_t i = 0; i < kMostProducts; ++i) {
    add_area(&ring.product_counters(i), sizeof(ProductCounters));
  }
  std::ranges::sort(areas);
  for (std::size_t i = 1; i < areas.size(); ++i) {
    EXPECT_LE(areas[i - 1].second, areas[i].first) << i;
  }
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(ring.slot(0).raw.data()) % 4096, 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(ring.product(0, 1).data()) % 4096, 0U);
}

TEST(Ring, PromisesContiguousFramesUpToItsEndOnly) {
  const Ring ring = make_ring(small_layout());
  EXPECT_EQ(ring.contiguous(0, 3), 3U);
  EXPECT_EQ(ring.contiguous(3, 3), 2U);
  EXPECT_EQ(ring.contiguous(10, 9), 5U);
}

TEST(Ring, BeginsEmptyWithRoomForAllItsSlots) {
  const Ring ring = make_ring(small_layout(3));
  EXPECT_EQ(ring.captured(), 0U);
  EXPECT_EQ(ring.reduced(), 0U);
  EXPECT_EQ(ring.written(), 0U);
  EXPECT_EQ(ring.end_of(Stage::kCapture), 5U);
  EXPECT_EQ(ring.end_of(Stage::kReduce), 0U);
  EXPECT_EQ(ring.end_of(Stage::kWrite), 0U);
}

long page_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

TEST(Ring, PopulatingStopsWhenAsked) {
  Ring ring = make_ring({16, 1 << 20, plain_products({0}), 1});
  std::stop_source stop;
  stop.request_stop();
  ring.populate(stop.get_token());
  const long before = page_faults();
  for (std::uint64_t i = 0; i < 16; ++i) std::ranges::fill(ring.slot(i).raw, std::byte{1});
  EXPECT_GT(page_faults() - before, 4);  // Pages may be huge.
}

TEST(Ring, TakesTheSlowestReducerForReduced) {
  Ring ring = make_ring(small_layout(3));
  ring.advance_captured(5);
  ring.advance_reduced(1, 4);
  EXPECT_EQ(ring.reduced(), 0U);
  ring.advance_reduced(0, 3);
  EXPECT_EQ(ring.reduced(), 2U) << "reducer 2 has done nothing yet";
  ring.advance_reduced(2, 5);
  EXPECT_EQ(ring.reduced(), 3U);
  ring.advance_reduced(0, 6);
  EXPECT_EQ(ring.reduced(), 4U);
  ring.advance_reduced(1, 7);
  EXPECT_EQ(ring.reduced(), 5U) << "no further than captured";
}

TEST(Ring, TakesOverCursorsCountersAndFramesOfItsMemory) {
  const RingLayout layout = small_layout(2);
  auto memory = Ring::create_memory(layout);
  ASSERT_TRUE(memory);
  {
    auto ring = Ring::attach(same_memory(*memory), layout);
    ASSERT_TRUE(ring);
    ring->advance_captured(7);
    ring->advance_reduced(0, 6);
    ring->advance_reduced(1, 7);
    ring->advance_written(3);
    add(ring->capture_counters().received, 9);
    add(ring->product_counters(2).recorded, 3);
    ring->slot(6).header.info.source_sequence = 66;
    ring->slot(6).raw[99] = std::byte{0x5A};
    ring->close();
  }
  const auto ring = Ring::attach(std::move(*memory), layout);
  ASSERT_TRUE(ring) << describe(ring.error());
  EXPECT_FALSE(ring->closed());
  EXPECT_EQ(ring->captured(), 7U);
  EXPECT_EQ(ring->reduced(), 6U);
  EXPECT_EQ(ring->reduced_by(1), 7U);
  EXPECT_EQ(ring->written(), 3U);
  EXPECT_EQ(ring->capture_counters().received.load(), 9U);
  EXPECT_EQ(ring->product_counters(2).recorded.load(), 3U);
  auto moved = std::move(const_cast<Ring&>(*ring));
  EXPECT_EQ(moved.slot(6).header.info.source_sequence, 66U);
  EXPECT_EQ(moved.slot(6).raw[99], std::byte{0x5A});
}

TEST(Ring, RefusesMemoryOfAnotherLayoutOrSize) {
  const RingLayout layout = small_layout();
  auto memory = Ring::create_memory(layout);
  ASSERT_TRUE(memory);
  ASSERT_TRUE(Ring::attach(same_memory(*memory), layout));
  for (RingLayout other : {RingLayout{5, 100, plain_products({0, 8, 24}), 1},
                           RingLayout{5, 100, plain_products({0, 24, 8}), 2},
                           RingLayout{50, 100, plain_products({0, 24, 8}), 1}}) {
    const auto ring = Ring::attach(same_memory(*memory), other);
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().code, ErrorCode::kLayout);
  }
  ASSERT_EQ(::ftruncate(memory->get(), 4096), 0);
  const auto ring = Ring::attach(std::move(*memory), layout);
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().code, ErrorCode::kLayout);
}

TEST(Ring, RefusesLayoutsThatNoRingCanHave) {
  for (const RingLayout& layout :
       {RingLayout{0, 100, plain_products({0}), 1}, RingLayout{5, 100, plain_products({0}), 0},
        RingLayout{5, 100, plain_products({0}), kMostReducers + 1},
        RingLayout{5, 100, std::vector<ProductLayout>(kMostProducts + 1), 1}}) {
    auto memory = Ring::create_memory(layout);
    ASSERT_TRUE(memory);
    EXPECT_FALSE(Ring::attach(std::move(*memory), layout));
  }
}

/// A ring whose head another hand has changed.
Result<Ring> attach_changed(const RingLayout& layout, std::size_t offset, std::uint8_t value) {
  auto memory = Ring::create_memory(layout);
  if (!memory) return std::unexpected(memory.error());
  {
    auto ring = Ring::attach(same_memory(*memory), layout);
    if (!ring) return ring;
  }
  EXPECT_EQ(::pwrite(memory->get(), &value, 1, static_cast<off_t>(offset)), 1);
  return Ring::attach(std::move(*memory), layout);
}

TEST(Ring, RefusesAHeadOfAnotherMagicVersionOrFingerprint) {
  for (const std::size_t offset : {0U, 7U, 8U, 16U, 24U}) {
    const auto ring = attach_changed(small_layout(), offset, 0xEE);
    ASSERT_FALSE(ring) << "byte " << offset;
    EXPECT_EQ(ring.error().code, ErrorCode::kLayout);
  }
}

TEST(Ring, RefusesImpossibleCursors) {
  struct Cursors {
    std::uint64_t captured, reduced0, reduced1, written;
  };
  const RingLayout layout = small_layout(2);
  for (const Cursors& c : {Cursors{4, 4, 5, 5},      // written before it was reduced
                           Cursors{4, 6, 7, 0},      // reduced before it was captured
                           Cursors{9, 4, 5, 3},      // more frames than slots
                           Cursors{4, 4, 77, 0}}) {  // one reducer far ahead of capture
    auto memory = Ring::create_memory(layout);
    ASSERT_TRUE(memory);
    {
      auto ring = Ring::attach(same_memory(*memory), layout);
      ASSERT_TRUE(ring);
      ring->advance_captured(c.captured);
      ring->advance_reduced(0, c.reduced0);
      ring->advance_reduced(1, c.reduced1);
      ring->advance_written(c.written);
    }
    const auto ring = Ring::attach(std::move(*memory), layout);
    ASSERT_FALSE(ring) << c.captured << ' ' << c.reduced0 << ' ' << c.reduced1 << ' ' << c.written;
    EXPECT_EQ(ring.error().code, ErrorCode::kLayout);
  }
}

TEST(Ring, WaitsNoLongerThanItsDeadline) {
  Ring ring = make_ring(small_layout());
  EXPECT_FALSE(ring.wait(Stage::kReduce, 0, steady_clock::now() + milliseconds(2)));
  EXPECT_FALSE(ring.wait(Stage::kWrite, 0, kPast));
  EXPECT_TRUE(ring.wait(Stage::kCapture, 4, kPast));
  EXPECT_FALSE(ring.wait(Stage::kCapture, 5, kPast));
}

TEST(Ring, WakesEachStageWhenTheOneBeforeItAdvances) {
  Ring ring = make_ring(small_layout());
  std::jthread reduce([&] {
    EXPECT_TRUE(ring.wait(Stage::kReduce, 0, kNoDeadline));
    ring.advance_reduced(0, 1);
  });
  std::jthread write([&] {
    EXPECT_TRUE(ring.wait(Stage::kWrite, 0, kNoDeadline));
    ring.advance_written(1);
  });
  ring.advance_captured(1);
  EXPECT_TRUE(ring.wait(Stage::kCapture, 5, kNoDeadline));
}

TEST(Ring, GivesWhatIsLeftAfterItWasClosedAndThenNoMore) {
  Ring ring = make_ring(small_layout());
  ring.advance_captured(2);
  ring.close();
  EXPECT_TRUE(ring.wait(Stage::kReduce, 1, kNoDeadline));
  EXPECT_FALSE(ring.wait(Stage::kReduce, 2, kNoDeadline));
  EXPECT_FALSE(ring.wait(Stage::kWrite, 0, kPast)) << "captured, but not reduced yet";
  ring.advance_reduced(0, 2);
  EXPECT_TRUE(ring.wait(Stage::kWrite, 1, kNoDeadline));
  EXPECT_FALSE(ring.wait(Stage::kWrite, 2, kNoDeadline));
}

TEST(Ring, ThatIsClosedStillLetsTheWriterWaitForItsReducers) {
  Ring ring = make_ring(small_layout());
  ring.advance_captured(1);
  ring.close();
  std::jthread write([&] { EXPECT_TRUE(ring.wait(Stage::kWrite, 0, kNoDeadline)); });
  ring.advance_reduced(0, 1);
}

TEST(Ring, ClosingEndsEveryWaitAndNap) {
  Ring ring = make_ring(small_layout());
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { EXPECT_FALSE(ring.wait(Stage::kReduce, 0, kNoDeadline)); });
  threads.emplace_back([&] { EXPECT_FALSE(ring.wait(Stage::kWrite, 0, kNoDeadline)); });
  threads.emplace_back([&] { EXPECT_FALSE(ring.wait(Stage::kCapture, 5, kNoDeadline)); });
  threads.emplace_back([&] { ring.nap(kNoDeadline); });
  ring.close();
  threads.clear();
  ring.nap(kNoDeadline);
}

TEST(Ring, RefusesMoreMemoryThanThereIs) {
  RingLayout layout;
  layout.slots = 1U << 20U;
  layout.raw_bytes = std::uint64_t{1} << 30U;
  const auto memory = Ring::create_memory(layout);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, ErrorCode::kNoMemory);
}

}  // namespace
}  // namespace framelog
