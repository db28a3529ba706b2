#ifdef FRAMELOG_HAS_ARAVIS

#include "drivers/aravis_buffers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

namespace framelog {
namespace {

constexpr std::size_t kBytes = std::size_t{64} << 10U;

/// A ring whose reader is as fast as the test wants it.
class Slots final : public SlotsAhead {
 public:
  explicit Slots(std::size_t count) : count_(count), memory_(count * kBytes) {}
  [[nodiscard]] std::size_t count() const noexcept override { return count_; }
  [[nodiscard]] std::span<std::byte> slot(std::uint64_t number) const noexcept override {
    return std::span(memory_).subspan(number % count_ * kBytes, kBytes);
  }
  [[nodiscard]] std::size_t most_ahead() const noexcept override { return count_; }
  [[nodiscard]] std::uint64_t next() const noexcept override { return captured; }
  [[nodiscard]] std::uint64_t end() const noexcept override { return released + count_; }

  std::uint64_t captured{};
  std::uint64_t released{};

 private:
  std::size_t count_;
  mutable std::vector<std::byte> memory_;
};

std::uint64_t value_in(std::span<const std::byte> frame) {
  std::uint64_t value = 0;
  std::memcpy(&value, frame.data(), sizeof(value));
  return value;
}
void put(std::span<std::byte> frame, std::uint64_t value) {
  std::memcpy(frame.data(), &value, sizeof(value));
}

/// Aravis, the driver and the ring's stages, as far as memory goes.
struct Model {
  Slots slots{32};
  AravisBuffers buffers{6, kBytes, true, &slots};
  std::deque<AravisBuffer*> given;
  std::deque<std::uint64_t> recorded;  // What the slots from `released` on have to hold.
  std::vector<std::byte> spare{std::vector<std::byte>(kBytes)};
  std::uint64_t arrived{};
  std::size_t copies{};

  void give() {
    while (AravisBuffer* buffer = buffers.next()) given.push_back(buffer);
  }
  /// A frame arrives in the first buffer and is read; and kept, if there is a slot.
  void receive(bool keep) {
    give();
    ASSERT_FALSE(given.empty());
    AravisBuffer& buffer = *given.front();
    given.pop_front();
    put(buffer.bytes, ++arrived);
    const bool has_slot = slots.end() > slots.captured;
    const auto pixels = has_slot ? slots.slot(slots.captured) : std::span(spare);
    if (buffer.bytes.data() != pixels.data()) {
      put(pixels, value_in(buffer.bytes));
      ++copies;
    }
    buffers.give_back(buffer);
    if (!keep || !has_slot) return;
    recorded.push_back(arrived);
    ++slots.captured;
  }
  /// The stages behind are done with a frame; until now nobody has touched it.
  void release() {
    if (recorded.empty()) return;
    ASSERT_EQ(value_in(slots.slot(slots.released)), recorded.front());
    recorded.pop_front();
    ++slots.released;
  }
  /// What Aravis may fill at any time.
  void scribble() {
    for (AravisBuffer* buffer : given) put(buffer->bytes, 0);
  }
};

TEST(AravisBuffers, FramesArriveWhereTheyAreKept) {
  Model model;
  for (int i = 0; i < 500; ++i) {
    model.receive(true);
    model.release();
  }
  EXPECT_EQ(model.copies, 0U);
}

TEST(AravisBuffers, AreNoMoreThanThereAreSlotsAhead) {
  Slots slots(12);
  AravisBuffers buffers(16, kBytes, true, &slots);
  std::size_t given = 0;
  while (const AravisBuffer* buffer = buffers.next()) {
    EXPECT_TRUE(buffer->is_slot);
    ++given;
  }
  EXPECT_EQ(given, 12U);
}

TEST(AravisBuffers, ARingThatIsNearlyFullAtTheStartTakesNoneAway) {
  Slots slots(12);
  slots.captured = 4;
  AravisBuffers buffers(16, kBytes, true, &slots);
  std::size_t given = 0;
  std::size_t of_slots = 0;
  while (const AravisBuffer* buffer = buffers.next()) {
    ++given;
    if (buffer->is_slot) ++of_slots;
  }
  EXPECT_EQ(of_slots, 8U);
  EXPECT_EQ(given, 12U);
}

TEST(AravisBuffers, NoFrameThatIsKeptIsEverTouchedAgain) {
  Model model;
  std::mt19937 random(11);
  for (int i = 0; i < 100'000; ++i) {
    const auto busy = random() % 1000;  // Now and then the ring fills up, or runs empty.
    if (random() % 2 == 0) {
      model.receive(random() % 10 != 0);
    } else if (busy != 0) {
      model.release();
    } else {
      for (int frame = 0; frame < 50; ++frame) model.receive(true);
    }
    model.give();
    model.scribble();
    if (HasFatalFailure()) return;
  }
  while (!model.recorded.empty() && !HasFatalFailure()) model.release();
}

TEST(AravisBuffers, BehindDroppedFramesTheyArriveWhereTheyAreKeptAgain) {
  Model model;
  for (int i = 0; i < 40; ++i) model.receive(i % 3 != 0);  // The ring is full in the end.
  while (!model.recorded.empty()) model.release();
  for (int i = 0; i < 20; ++i) {
    model.receive(true);
    model.release();
  }
  model.copies = 0;
  for (int i = 0; i < 200; ++i) {
    model.receive(true);
    model.release();
  }
  EXPECT_EQ(model.copies, 0U);
}

TEST(AravisBuffers, WhereNothingIsKnownAheadMemoryOfItsOwnServes) {
  Slots slots(8);
  for (const bool arrives_as_kept : {true, false}) {
    AravisBuffers buffers(3, kBytes, arrives_as_kept, arrives_as_kept ? nullptr : &slots);
    std::vector<AravisBuffer*> given;
    while (AravisBuffer* buffer = buffers.next()) given.push_back(buffer);
    ASSERT_EQ(given.size(), 3U);
    EXPECT_TRUE(std::ranges::none_of(given, &AravisBuffer::is_slot));
    buffers.give_back(*given[1]);
    EXPECT_EQ(buffers.next(), given[1]);
    EXPECT_EQ(buffers.next(), nullptr);
  }
}

}  // namespace
}  // namespace framelog

#endif
