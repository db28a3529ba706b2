// Input bytes per second of the reductions as a share of what this core can read, measured in turns
// so that both meet the same noise. Usage: reduce_bench [repeats [plain|baseline|v3]]; the set is
// that of the reductions; detectors and groups always run the best one.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "memory_bandwidth.hpp"
#include "reduce/accumulator.hpp"
#include "reduce/detector.hpp"
#include "reduce/reducer.hpp"

namespace framelog::bench {
namespace {

constexpr std::size_t kFrameBytes = std::size_t{2} << 20U;
constexpr std::size_t kFrames = 128;
constexpr std::size_t kRingBytes = kFrames * kFrameBytes;

struct Case {
  const char* name;
  FrameShape source;  ///< 2 MiB
  Binning bin;
  BinMode mode;
  double goal;  ///< Share of the read bandwidth; 0: none is set.
};

constexpr Case kCases[] = {
    {"uint16  sum  2x2", {1024, 1024, PixelType::kUint16}, {2, 2}, BinMode::kSum, 0.70},
    {"uint8   sum  2x2", {1024, 2048, PixelType::kUint8}, {2, 2}, BinMode::kSum, 0.65},
    {"uint16  mean 4x4", {1024, 1024, PixelType::kUint16}, {4, 4}, BinMode::kMean, 0.55},
    {"uint16  mean 8x8", {1024, 1024, PixelType::kUint16}, {8, 8}, BinMode::kMean, 0.55},
    {"uint16  sum  3x3", {1024, 1024, PixelType::kUint16}, {3, 3}, BinMode::kSum, 0.40},
    {"float32 sum  2x2", {1024, 512, PixelType::kFloat32}, {2, 2}, BinMode::kSum, 0.55},
    {"uint16  statistics", {1024, 1024, PixelType::kUint16}, {1, 1}, BinMode::kSum, 0},
    {"uint8   statistics", {1024, 2048, PixelType::kUint8}, {1, 1}, BinMode::kSum, 0},
    {"float32 statistics", {1024, 512, PixelType::kFloat32}, {1, 1}, BinMode::kSum, 0},
    {"uint32  sum  2x2", {1024, 512, PixelType::kUint32}, {2, 2}, BinMode::kSum, 0},
    {"float32 mean 4x4", {1024, 512, PixelType::kFloat32}, {4, 4}, BinMode::kMean, 0},
    {"uint16  sum  1024x1", {1024, 1024, PixelType::kUint16}, {1024, 1}, BinMode::kSum, 0},
};

/// Frames of random integers; as floats they are made finite.
void fill(std::vector<std::byte>& ring, bool floats) {
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < ring.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = random();
    if (floats) word = (word & 0x007FFFFF007FFFFFU) | 0x3F8000003F800000U;
    std::memcpy(ring.data() + i, &word, sizeof(word));
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Outcome {
  double bytes_per_s{};
  double share{};
};

/// Each frame of the ring is reduced into its own place, as in the daemon's slots.
Outcome measure(const Case& one, KernelSet kernels, const std::vector<std::byte>& ring,
                std::vector<std::byte>& products, int repeats) {
  ReductionSpec spec;
  spec.bin = one.bin;
  spec.bin_mode = one.mode;
  const auto plan = make_plan(one.source, spec, 60000.0);
  if (!plan) std::abort();
  Reducer reducer(*plan, kernels);
  const std::size_t product_bytes = plan->identity ? 0 : size_bytes(plan->output);
  std::vector<double> speeds;
  std::vector<double> shares;
  volatile double sink = 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double before = read_bandwidth(ring);
    const double seconds = seconds_of([&] {
      for (std::size_t i = 0; i < kFrames; ++i) {
        const std::span<const std::byte> frame{ring.data() + i * kFrameBytes, kFrameBytes};
        sink =
            sink + reducer.run(frame, {products.data() + i * kFrameBytes / 2, product_bytes}).std;
      }
    });
    const double after = read_bandwidth(ring);
    speeds.push_back(static_cast<double>(kRingBytes) / seconds);
    shares.push_back(speeds.back() / ((before + after) / 2));
  }
  return {median(speeds), median(shares)};
}

std::span<const std::byte> frame_of(const std::vector<std::byte>& ring, std::size_t i,
                                    std::size_t bytes = kFrameBytes) {
  return {ring.data() + i * bytes, bytes};
}

/// Seconds of each of `works`, medians of `repeats` in turns.
std::vector<double> seconds_of_each(const std::vector<std::function<void()>>& works, int repeats) {
  std::vector<std::vector<double>> seconds(works.size());
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < works.size(); ++i) seconds[i].push_back(seconds_of(works[i]));
  }
  std::vector<double> medians;
  for (auto& each : seconds) medians.push_back(median(each));
  return medians;
}

ReductionPlan plan_of(Binning bin, BinMode mode, std::optional<RegionSpec> roi = {}) {
  ReductionSpec spec;
  spec.bin = bin;
  spec.bin_mode = mode;
  spec.roi = roi;
  return make_plan({1024, 1024, PixelType::kUint16}, spec, 60000.0).value();
}

/// What an instrument may record of one camera: the whole frame binned, a detail as it is, a
/// preview, and a small one for a fast look.
void measure_four_products(const std::vector<std::byte>& ring, std::vector<std::byte>& products,
                           KernelSet kernels, int repeats) {
  std::vector<Reducer> reducers;
  reducers.emplace_back(plan_of({2, 2}, BinMode::kSum), kernels);
  reducers.emplace_back(plan_of({1, 1}, BinMode::kSum, RegionSpec{256, 768, 256, 768}), kernels);
  reducers.emplace_back(plan_of({4, 4}, BinMode::kMean), kernels);
  reducers.emplace_back(plan_of({8, 8}, BinMode::kSum), kernels);
  constexpr std::size_t kPlaces[] = {0, kFrameBytes / 2, kFrameBytes / 4 * 3, kFrameBytes / 8 * 7};
  const auto reduce = [&](std::size_t product, std::size_t frame) {
    const std::size_t bytes = size_bytes(reducers[product].plan().output);
    std::byte* const place = products.data() + frame * kFrameBytes + kPlaces[product];
    static_cast<void>(reducers[product].run(frame_of(ring, frame), {place, bytes}));
  };
  std::vector<std::function<void()>> works;
  for (std::size_t product = 0; product < reducers.size(); ++product) {
    works.emplace_back([&, product] {
      for (std::size_t i = 0; i < kFrames; ++i) reduce(product, i);
    });
  }
  works.emplace_back([&] { std::memcpy(products.data(), ring.data(), kRingBytes); });
  works.emplace_back([&] {
    for (std::size_t i = 0; i < kFrames; ++i) {
      for (std::size_t product = 0; product < reducers.size(); ++product) reduce(product, i);
    }
  });
  const auto seconds = seconds_of_each(works, repeats);
  const double dearest = *std::max_element(seconds.begin(), seconds.begin() + 4);
  const double copy = seconds[4];
  std::printf("four products of uint16: %.2f of the dearest, %.2f less a copy  (goal 1.60)\n",
              seconds[5] / dearest, (seconds[5] - copy) / dearest);
}

constexpr FrameShape kDiffraction{256, 256, PixelType::kUint16};

/// Bright field, annular bright field, annular dark field and high-angle annular dark field, and
/// the last one's place in four quadrants of a segmented detector.
std::vector<DetectorSpec> detectors() {
  std::vector<DetectorSpec> result{{"haadf", Annulus{127.5, 127.5, 60, 120}},
                                   {"bf", Disc{127.5, 127.5, 30}},
                                   {"abf", Annulus{127.5, 127.5, 15, 30}},
                                   {"adf", Annulus{127.5, 127.5, 30, 90}}};
  for (const Region& quarter : {Region{0, 128, 0, 128}, Region{0, 128, 128, 256},
                                Region{128, 256, 0, 128}, Region{128, 256, 128, 256}}) {
    result.push_back({"quadrant", Rectangle{quarter}});
  }
  return result;
}

void measure_detectors(const std::vector<std::byte>& ring, int repeats) {
  const std::size_t bytes = size_bytes(kDiffraction);
  const auto plan = make_plan(kDiffraction, {}, {}).value();
  const auto specs = detectors();
  const auto eight = DetectorSet::make(plan, specs).value();
  const auto one = DetectorSet::make(plan, std::span(specs).first(1)).value();
  double sums[8] = {};
  volatile double sink = 0;
  const auto sum_with = [&](const DetectorSet& set) {
    for (std::size_t i = 0; i < ring.size() / bytes; ++i) {
      set.sum(frame_of(ring, i, bytes), std::span(sums).first(set.size()));
      sink = sink + sums[0];
    }
  };
  const auto seconds = seconds_of_each(
      {[&] { read_bandwidth(ring); }, [&] { sum_with(one); }, [&] { sum_with(eight); }}, repeats);
  std::printf("annulus over 256x256 uint16: %.2f of the read bandwidth  (goal 0.50)\n",
              seconds[0] / seconds[1]);
  std::printf("eight detectors: %.2f of one  (goal 2.50)\n", seconds[2] / seconds[1]);
}

void measure_accumulation(const std::vector<std::byte>& ring, int repeats) {
  ReductionSpec spec;
  spec.accumulate = 1000;
  const auto plan = make_plan({1024, 1024, PixelType::kUint16}, spec, 60000.0).value();
  std::vector<std::byte> memory(Accumulator::memory_bytes(plan) + 64);
  void* aligned = memory.data();
  std::size_t room = memory.size();
  std::align(64, memory.size() - 64, aligned, room);
  Reducer reducer(plan);
  Accumulator group(plan, {static_cast<std::byte*>(aligned), memory.size() - 64});
  const auto seconds = seconds_of_each({[&] {
                                         group.clear(0);
                                         for (std::size_t i = 0; i < 1000; ++i) {
                                           reducer.add(frame_of(ring, i % kFrames), i, {}, group);
                                         }
                                       }},
                                       repeats);
  std::printf("1000 frames of 1024x1024 uint16 added up: %.2f GB/s  (goal 4)\n",
              1000.0 * kFrameBytes / seconds[0] * 1e-9);
}

}  // namespace
}  // namespace framelog::bench

int main(int argc, char** argv) {
  using namespace framelog;
  using namespace framelog::bench;
  const int repeats = argc > 1 ? std::max(1, std::atoi(argv[1])) : 9;
  KernelSet kernels = best_kernels();
  for (const KernelSet set : {KernelSet::kPlain, KernelSet::kBaseline}) {
    if (argc > 2 && name_of(set) == std::string_view(argv[2])) kernels = set;
  }
  std::vector<std::byte> ring(kRingBytes);
  std::vector<std::byte> products(kRingBytes);
  std::vector<double> bandwidths;
  fill(ring, false);
  for (int i = 0; i < repeats; ++i) bandwidths.push_back(read_bandwidth(ring));
  std::printf("kernels %s, read bandwidth %.1f GB/s, medians of %d\n", name_of(kernels).data(),
              median(bandwidths) * 1e-9, repeats);
  measure_four_products(ring, products, kernels, repeats);
  measure_detectors(ring, repeats);
  measure_accumulation(ring, std::min(repeats, 3));
  bool floats = false;
  for (const Case& one : kCases) {
    const bool wants_floats = is_float(one.source.type);
    if (wants_floats != floats) fill(ring, floats = wants_floats);
    const Outcome outcome = measure(one, kernels, ring, products, repeats);
    std::printf("%-20s %6.2f GB/s  %.2f of the read bandwidth", one.name,
                outcome.bytes_per_s * 1e-9, outcome.share);
    if (one.goal > 0) std::printf("  (goal %.2f)", one.goal);
    std::printf("\n");
  }
  return 0;
}
