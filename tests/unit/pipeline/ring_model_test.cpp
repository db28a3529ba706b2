#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <random>

#include "pipeline/ring.hpp"
#include "tests/fakes/plain_products.hpp"

namespace framelog {
namespace {

constexpr std::size_t kRawBytes = 40;
constexpr std::size_t kProductBytes = 16;

/// Drives a ring in one thread, one random step of one stage at a time, beside a queue that cannot
/// be wrong.
class Model {
 public:
  Model(std::uint64_t slots, std::uint32_t reducers, std::uint32_t seed)
      : random_(seed),
        layout_{slots, kRawBytes, plain_products({0, kProductBytes}), reducers},
        next_(reducers) {
    auto memory = Ring::create_memory(layout_);
    EXPECT_TRUE(memory);
    ring_ = std::make_unique<Ring>(std::move(Ring::attach(std::move(*memory), layout_).value()));
    for (std::uint32_t k = 0; k < reducers; ++k) next_[k] = k;
  }

  void step() {
    const auto stage = pick(layout_.reducers + 2);
    if (stage == 0) {
      capture(pick(layout_.slots) + 1);
    } else if (stage == 1) {
      write(pick(layout_.slots) + 1);
    } else {
      reduce(static_cast<std::uint32_t>(stage - 2));
    }
    check();
  }
  [[nodiscard]] std::uint64_t written() const { return ring_->written(); }

 private:
  struct Frame {
    std::uint64_t sequence, value;
  };

  std::uint64_t pick(std::uint64_t count) { return random_() % count; }

  void capture(std::uint64_t count) {
    std::uint64_t at = ring_->captured();
    ASSERT_EQ(ring_->end_of(Stage::kCapture) - at, layout_.slots - queue_.size());
    for (; count > 0 && at < ring_->end_of(Stage::kCapture); --count, ++at) {
      const std::uint64_t value = random_();
      const Slot slot = ring_->slot(at);
      slot.header.info.sequence = at;
      for (std::size_t i = 0; i < kRawBytes; i += 8) std::memcpy(&slot.raw[i], &value, 8);
      queue_.push_back({at, value});
      ring_->advance_captured(at + 1);
    }
  }

  void reduce(std::uint32_t reducer) {
    std::uint64_t& next = next_[reducer];
    if (next >= ring_->end_of(Stage::kReduce)) return;
    std::uint64_t value = 0;
    std::memcpy(&value, &ring_->slot(next).raw[kRawBytes - 8], 8);
    value = ~value;
    std::memcpy(ring_->product(next, 1).data(), &value, 8);
    next += layout_.reducers;
    ring_->advance_reduced(reducer, next);
  }

  void write(std::uint64_t count) {
    std::uint64_t at = ring_->written();
    const std::uint64_t end = std::min(at + count, ring_->end_of(Stage::kWrite));
    for (; at < end; ++at) {
      ASSERT_FALSE(queue_.empty());
      const Frame frame = queue_.front();
      queue_.pop_front();
      ASSERT_EQ(frame.sequence, at);
      ASSERT_EQ(ring_->slot(at).header.info.sequence, at);
      std::uint64_t raw = 0;
      std::uint64_t product = 0;
      std::memcpy(&raw, ring_->slot(at).raw.data(), 8);
      std::memcpy(&product, ring_->product(at, 1).data(), 8);
      ASSERT_EQ(raw, frame.value);
      ASSERT_EQ(product, ~frame.value);
    }
    ring_->advance_written(at);
  }

  void check() {
    ASSERT_LE(ring_->written(), ring_->reduced());
    ASSERT_LE(ring_->reduced(), ring_->captured());
    ASSERT_LE(ring_->captured(), ring_->written() + layout_.slots);
    ASSERT_EQ(ring_->captured() - ring_->written(), queue_.size());
    // Exactly the frames below `reduced` are done by all; the one at it is not.
    std::uint64_t least = next_[0];
    for (const std::uint64_t next : next_) least = std::min(least, next);
    ASSERT_EQ(ring_->reduced(), least);
  }

  std::mt19937_64 random_;
  RingLayout layout_;
  std::unique_ptr<Ring> ring_;
  std::vector<std::uint64_t> next_;
  std::deque<Frame> queue_;
};

TEST(RingModel, BehavesLikeAQueueUnderAnyScheduleOfItsStages) {
  std::uint32_t seed = 1;
  for (const std::uint64_t slots : {1U, 2U, 3U, 4U, 7U, 64U}) {
    for (const std::uint32_t reducers : {1U, 2U, 3U, 5U, 16U}) {
      Model model(slots, reducers, ++seed);
      for (int step = 0; step < 5000; ++step) {
        model.step();
        ASSERT_FALSE(testing::Test::HasFailure())
            << slots << " slots, " << reducers << " reducers, seed " << seed << ", step " << step;
      }
      EXPECT_GT(model.written(), slots);
    }
  }
}

}  // namespace
}  // namespace framelog
