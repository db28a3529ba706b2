#include "reduce/reducer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "reduce/correction.hpp"
#include "reduce/detector.hpp"
#include "reduction_fixture.hpp"

namespace {
std::atomic<std::size_t> allocations{0};

void* counted(void* memory) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (memory == nullptr) std::abort();
  return memory;
}
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) { return counted(std::malloc(bytes)); }
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(step, (bytes + step - 1) / step * step));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace framelog {
namespace {

using testing::spec_of;

TEST(Reducer, DoesNotAllocateInRun) {
  for (const auto type : {PixelType::kUint8, PixelType::kInt8, PixelType::kUint16,
                          PixelType::kInt16, PixelType::kUint32, PixelType::kInt32,
                          PixelType::kUint64, PixelType::kFloat32, PixelType::kFloat64}) {
    for (const KernelSet set : testing::sets_here()) {
      for (const Binning bin : {Binning{1, 1}, Binning{2, 2}, Binning{3, 5}}) {
        for (const BinMode mode : {BinMode::kSum, BinMode::kMean}) {
          const auto plan = make_plan({31, 77, type}, spec_of({}, bin, mode), 100.0);
          ASSERT_TRUE(plan);
          const std::vector<std::byte> source(size_bytes(plan->source), std::byte{0xFF});
          std::vector<std::byte> output(plan->identity ? 0 : size_bytes(plan->output));
          Reducer reducer(*plan, set);
          const std::size_t before = allocations.load();
          const auto statistics = reducer.run(source, output);
          EXPECT_EQ(allocations.load(), before) << name_of(type) << " " << name_of(set);
          EXPECT_EQ(statistics.clipped > 0,
                    type == PixelType::kUint64 && mode == BinMode::kSum && bin.rows > 1);
        }
      }
    }
  }
  EXPECT_GT(allocations.load(), 0U);  // The counting itself works.
}

TEST(Reducer, DoesNotAllocateInAnyStep) {
  const FrameShape source{31, 77, PixelType::kUint16};
  CorrectionImage dark{31, 77, std::vector<double>(std::size_t{31} * 77, 0.5)};
  dark.values[500] = NAN;
  ReductionSpec spec = spec_of(RegionSpec{1, {}, 3, {}}, {3, 2});
  spec.correction = Correction::make(source, dark, {}, {}).value();
  spec.dtype = PixelType::kUint8;
  spec.renormalise = Renormalisation{0, 1e5, 0, 255};
  const auto single = make_plan(source, spec, 100.0).value();
  spec.accumulate = 3;
  const auto grouped = make_plan(source, spec, 100.0).value();
  const std::vector<DetectorSpec> areas{{"disc", Disc{15, 40, 9}},
                                        {"ring", Annulus{15, 40, 3, 12}}};
  const auto detectors = DetectorSet::make(single, areas).value();
  std::vector<double> sums(detectors.size());
  const std::vector<std::byte> frame(size_bytes(source), std::byte{0x11});
  std::vector<std::byte> output(size_bytes(single.output));
  std::vector<std::byte> again(output.size());
  std::vector<std::byte> memory(Accumulator::memory_bytes(grouped) + 64);
  Reducer one(single);
  Reducer many(grouped);

  const std::size_t before = allocations.load();
  const auto statistics = one.run(frame, output);
  detectors.sum(output, sums);
  void* aligned = memory.data();
  std::size_t room = memory.size();
  std::align(64, Accumulator::memory_bytes(grouped), aligned, room);
  Accumulator group(grouped, {static_cast<std::byte*>(aligned), room});
  many.add(frame, 0, {}, group);
  const auto of_group = many.emit(group, again);
  EXPECT_EQ(allocations.load(), before);

  EXPECT_EQ(output, again);  // A group of one frame is that frame.
  EXPECT_EQ(statistics.sum, of_group.sum);
  EXPECT_EQ(statistics.saturated, std::uint32_t{30} * 74);
  EXPECT_EQ(of_group.saturated, statistics.saturated);
  EXPECT_GT(sums[0], 0.0);
}

TEST(Reducer, ReducesFrameAfterFrameAlike) {
  const auto plan =
      make_plan({16, 64, PixelType::kUint16}, spec_of({}, {4, 4}, BinMode::kSum), 9.0);
  ASSERT_TRUE(plan);
  std::vector<std::byte> bright(size_bytes(plan->source), std::byte{0xFF});
  std::vector<std::byte> dark(size_bytes(plan->source), std::byte{0});
  std::vector<std::byte> output(size_bytes(plan->output));
  Reducer reducer(*plan);
  EXPECT_EQ(reducer.run(bright, output).sum, 65535.0 * 16 * 64);
  EXPECT_EQ(reducer.run(dark, output).max, 0.0);
  EXPECT_EQ(reducer.run(dark, output).saturated, 0U);
  Reducer moved = std::move(reducer);
  EXPECT_EQ(moved.run(bright, output).saturated, 16U * 64U);
  EXPECT_EQ(moved.plan().output, plan->output);
}

TEST(Reducer, LeavesTheOutputOfTheIdentityAlone) {
  const auto plan = make_plan({2, 2, PixelType::kUint8}, {}, {});
  ASSERT_TRUE(plan && plan->identity);
  const std::vector<std::byte> source{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  Reducer reducer(*plan);
  EXPECT_EQ(reducer.run(source, {}).mean, 2.5);
}

TEST(KernelSets, HaveNames) {
  EXPECT_EQ(name_of(KernelSet::kPlain), "plain");
  EXPECT_EQ(name_of(KernelSet::kBaseline), "baseline");
  EXPECT_EQ(name_of(KernelSet::kV3), "v3");
#if !defined(__arm__)  // It may be without NEON.
  EXPECT_NE(best_kernels(), KernelSet::kPlain);
#endif
}

}  // namespace
}  // namespace framelog
