#include "pipeline/reduce_loop.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <thread>

#include "core/crc32c.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/plain_products.hpp"

namespace framelog {
namespace {

constexpr FrameShape kShape{4, 6, PixelType::kUint16};
constexpr std::size_t kPixels = 24;

ProductReduction product(const ReductionSpec& spec, bool big_endian = false) {
  ProductReduction reduction;
  reduction.plan = make_plan(kShape, spec, 1000.0).value();
  reduction.big_endian = big_endian;
  return reduction;
}

std::vector<ProductReduction> products() {
  ReductionSpec binned;
  binned.bin = {2, 3};
  return {product({}), product(binned), product({}, true), product(binned, true)};
}

Ring make_ring(std::uint32_t reducers) {
  const RingLayout layout{16, kPixels * 2, plain_products({0, 16, kPixels * 2, 16}), reducers};
  return std::move(Ring::attach(Ring::create_memory(layout).value(), layout).value());
}

std::uint16_t pixel(std::uint64_t sequence, std::size_t index) {
  return static_cast<std::uint16_t>(sequence * 100 + index);
}

void capture(Ring& ring, std::uint64_t frames) {
  for (std::uint64_t sequence = ring.captured(); frames > 0; --frames, ++sequence) {
    for (std::size_t i = 0; i < kPixels; ++i) {
      const std::uint16_t value = pixel(sequence, i);
      std::memcpy(ring.slot(sequence).raw.data() + 2 * i, &value, 2);
    }
    ring.advance_captured(sequence + 1);
  }
}

template <class T>
T value_at(std::span<const std::byte> bytes, std::size_t index) {
  T value{};
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

std::uint32_t bin_sum(std::uint64_t sequence, std::size_t bin) {
  const std::size_t first = bin / 2 * 12 + bin % 2 * 3;
  std::uint32_t sum = 0;
  for (const std::size_t offset : {0U, 1U, 2U, 6U, 7U, 8U}) sum += pixel(sequence, first + offset);
  return sum;
}

void expect_reduced(Ring& ring, std::uint64_t sequence) {
  const SlotHeader& header = ring.slot(sequence).header;
  for (std::size_t i = 0; i < kPixels; ++i) {
    const std::uint16_t value = pixel(sequence, i);
    EXPECT_EQ(value_at<std::uint16_t>(ring.product(sequence, 0), i), value);
    EXPECT_EQ(value_at<std::uint16_t>(ring.product(sequence, 2), i), __builtin_bswap16(value));
  }
  for (std::size_t bin = 0; bin < 4; ++bin) {
    const std::uint32_t sum = bin_sum(sequence, bin);
    EXPECT_EQ(value_at<std::uint32_t>(ring.product(sequence, 1), bin), sum);
    EXPECT_EQ(value_at<std::uint32_t>(ring.product(sequence, 3), bin), __builtin_bswap32(sum));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(header.results[i].crc32c, crc32c_plain(ring.product(sequence, i))) << "product " << i;
  }
  EXPECT_EQ(header.results[0].statistics.min, pixel(sequence, 0));
  EXPECT_EQ(header.results[2].statistics.max, pixel(sequence, 23)) << "of values, not of bytes";
  EXPECT_EQ(header.results[1].statistics.sum, header.results[0].statistics.sum);
  EXPECT_EQ(header.results[3].statistics.max, bin_sum(sequence, 3));
}

TEST(ReduceLoop, MakesEveryProductOfEachFrameWithItsChecksumAndStatistics) {
  Ring ring = make_ring(1);
  Health health;
  const FakeClock clock;
  const auto all = products();
  ReduceLoop loop(ring, all, 0, health, clock);
  capture(ring, 12);
  ring.close();
  loop.run();
  EXPECT_EQ(ring.reduced(), 12U);
  for (std::uint64_t i = 0; i < 12; ++i) expect_reduced(ring, i);
  EXPECT_EQ(health.reduce[0].busy_since_ns.load(), 0) << "rests when it is done";
}

TEST(ReduceLoop, LeavesTheFramesOfOtherReducersAlone) {
  Ring ring = make_ring(3);
  Health health;
  const FakeClock clock;
  capture(ring, 10);
  ring.close();
  const std::array<std::uint64_t, 3> reduced_after{0, 0, 10};
  const std::array<std::uint32_t, 3> order{2, 1, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    ReduceLoop(ring, products(), order[i], health, clock).run();
    EXPECT_EQ(ring.reduced(), reduced_after[i]) << "behind reducer " << order[i];
  }
  for (std::uint64_t i = 0; i < 10; ++i) expect_reduced(ring, i);
}

TEST(ReduceLoop, GoesOnWhereTheRingsMemorySaysThatItsReducerWas) {
  Ring ring = make_ring(2);
  Health health;
  const FakeClock clock;
  capture(ring, 6);
  ring.advance_reduced(0, 4);
  ring.close();
  ring.product(2, 1)[0] = std::byte{0xEE};
  ReduceLoop(ring, products(), 0, health, clock).run();
  ReduceLoop(ring, products(), 1, health, clock).run();
  EXPECT_EQ(ring.reduced(), 6U);
  EXPECT_EQ(ring.product(2, 1)[0], std::byte{0xEE}) << "was done already";
  for (const std::uint64_t i : {1U, 3U, 4U, 5U}) expect_reduced(ring, i);
}

TEST(ReduceLoop, KeepsUpWithCaptureInOtherThreads) {
  Ring ring = make_ring(3);
  Health health;
  const FakeClock clock;
  std::vector<std::jthread> threads;
  for (std::uint32_t k = 0; k < 3; ++k) {
    threads.emplace_back([&, k] { ReduceLoop(ring, products(), k, health, clock).run(); });
  }
  threads.emplace_back([&] {
    for (std::uint64_t next = 0; ring.wait(Stage::kWrite, next, kNoDeadline); ++next) {
      expect_reduced(ring, next);
      ring.advance_written(next + 1);
    }
  });
  for (std::uint64_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(ring.wait(Stage::kCapture, i, kNoDeadline));
    capture(ring, 1);
  }
  ring.close();
  threads.clear();
  EXPECT_EQ(ring.written(), 300U);
}

}  // namespace
}  // namespace framelog
