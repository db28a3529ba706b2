// Input bytes per second of the reductions as a share of what this core can read, measured in turns
// so that both meet the same noise. Usage: reduce_bench [repeats [plain|baseline|v3]]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "memory_bandwidth.hpp"
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
    {"uint16  sum  2x2", {1024, 1024, PixelType::kUint16}, {2, 2}, BinMode::kSum, 0.65},
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
  std::vector<std::byte> products(kRingBytes / 2);
  std::vector<double> bandwidths;
  fill(ring, false);
  for (int i = 0; i < repeats; ++i) bandwidths.push_back(read_bandwidth(ring));
  std::printf("kernels %s, read bandwidth %.1f GB/s, medians of %d\n", name_of(kernels).data(),
              median(bandwidths) * 1e-9, repeats);
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
