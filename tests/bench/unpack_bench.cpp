// Packed bytes per second of unpacking 10 and 12 bit as a share of what this core can read,
// measured in turns so that both meet the same noise. The pixels go into slots that are in no
// cache, as the ring's. Usage: unpack_bench [repeats]

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "formats/packed_pixels.hpp"
#include "memory_bandwidth.hpp"
#include "report.hpp"

namespace framelog::bench {
namespace {

constexpr std::size_t kFramePixels = std::size_t{1024} * 1280;
constexpr std::size_t kFrames = 96;
constexpr double kGoal = 0.40;

struct Outcome {
  double bytes_per_s{};
  double share{};
};

Outcome measure(PackedFormat format, const std::vector<std::byte>& packed,
                std::vector<std::uint16_t>& pixels, int repeats) {
  const std::size_t frame_bytes = packed_bytes(format, kFramePixels);
  const std::size_t total_bytes = frame_bytes * kFrames;
  const std::span<const std::byte> all = std::span(packed).first(total_bytes / 256 * 256);
  std::vector<double> speeds;
  std::vector<double> shares;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double before = read_bandwidth(all);
    const double seconds = seconds_of([&] {
      for (std::size_t i = 0; i < kFrames; ++i) {
        unpack(format, std::span(packed).subspan(i * frame_bytes, frame_bytes),
               std::span(pixels).subspan(i * kFramePixels, kFramePixels));
      }
    });
    const double after = read_bandwidth(all);
    speeds.push_back(static_cast<double>(total_bytes) / seconds);
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
  std::vector<std::byte> packed(packed_bytes(PackedFormat::kMono12p, kFramePixels * kFrames));
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i + 8 <= packed.size(); i += 8) {
    const std::uint64_t word = random();
    std::memcpy(packed.data() + i, &word, sizeof(word));
  }
  std::vector<std::uint16_t> pixels(kFramePixels * kFrames);
  Report report;
  Report::note(fmt::format("{} kernel, medians of {}",
                           best_unpack_kernel() == UnpackKernel::kVector ? "vector" : "plain",
                           repeats));
  for (const PackedFormat format :
       {PackedFormat::kMono10p, PackedFormat::kMono12p, PackedFormat::kMono10Packed,
        PackedFormat::kMono12Packed, PackedFormat::kY10P, PackedFormat::kY12P}) {
    const Outcome outcome = measure(format, packed, pixels, repeats);
    report.at_least(fmt::format("{}, share of the read bandwidth", name_of(format)), outcome.share,
                    kGoal);
    Report::note(fmt::format("{:.2f} GB/s packed", outcome.bytes_per_s * 1e-9));
  }
  return report.status();
}
