// Bytes of pixels per second of one thread's packing, for counts as a detector has them (Poisson,
// mean 2), beside what this core copies in the same run, and how much smaller they become. What is
// packed is in no cache, as the ring's slots. Usage: compression_bench [repeats]

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "formats/bit_planes.hpp"
#include "formats/compression.hpp"
#include "memory_bandwidth.hpp"
#include "report.hpp"

namespace framelog::bench {
namespace {

constexpr double kMean = 2.0;
constexpr double kGoalBytesPerS = 1.2e9;
constexpr double kGoalRatio = 4.5;
constexpr std::size_t kTotalBytes = std::size_t{48} << 20U;
/// The slow codecs see so much of it.
constexpr std::size_t kPartBytes = std::size_t{4} << 20U;

struct Outcome {
  double bytes_per_s{};
  double share{};  ///< Of what memcpy() does.
  double ratio{};
  double unpacked_per_s{};
};

std::vector<std::byte> make_counts() {
  std::mt19937 random(1);
  std::poisson_distribution<std::uint16_t> counts(kMean);
  std::vector<std::byte> pixels(kTotalBytes);
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    const std::uint16_t count = counts(random);
    std::memcpy(pixels.data() + i, &count, 2);
  }
  return pixels;
}

double copy_bandwidth(std::span<const std::byte> from, std::span<std::byte> to) {
  const double seconds = seconds_of([&] { std::memcpy(to.data(), from.data(), from.size()); });
  return static_cast<double>(from.size()) / seconds;
}

/// Packs all frames once, one behind the other, and unpacks them. Exits where that is not the same.
Outcome measure_once(const Compression& compression, const FrameShape& shape,
                     std::span<const std::byte> pixels, std::span<std::byte> packed) {
  const auto encoder = make_encoder(compression, shape);
  const std::size_t frame_bytes = size_bytes(shape);
  const double total_bytes = static_cast<double>(pixels.size());
  const double before = copy_bandwidth(pixels, packed);
  std::vector<std::size_t> sizes;
  sizes.reserve(pixels.size() / frame_bytes);
  std::size_t end = 0;
  const double packing = seconds_of([&] {
    for (std::size_t at = 0; at < pixels.size(); at += frame_bytes) {
      sizes.push_back(
          encoder->encode(pixels.subspan(at, frame_bytes), packed.subspan(end, frame_bytes)));
      end += sizes.back();
    }
  });
  const double after = copy_bandwidth(pixels, packed.last(pixels.size()));
  // memcpy() wrote over the first of them; unpacking needs them again.
  end = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    end += encoder->encode(pixels.subspan(i * frame_bytes, frame_bytes),
                           packed.subspan(end, frame_bytes));
  }
  std::vector<std::byte> frame(frame_bytes);
  bool same = true;
  std::size_t start = 0;
  const double unpacking = seconds_of([&] {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      same = decode_frame(compression.codec, shape, packed.subspan(start, sizes[i]), frame) && same;
      start += sizes[i];
    }
  });
  same = same && std::ranges::equal(frame, pixels.last(frame_bytes));
  if (!same) std::exit(2);
  const double speed = total_bytes / packing;
  return {speed, speed / ((before + after) / 2), total_bytes / static_cast<double>(end),
          total_bytes / unpacking};
}

Outcome measure(const char* codec, std::uint32_t side_px, std::span<const std::byte> pixels,
                std::span<std::byte> packed, int repeats) {
  const auto compression = *parse_compression(codec);
  std::vector<double> speeds, shares, unpacked;
  double ratio = 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const Outcome once =
        measure_once(compression, {side_px, side_px, PixelType::kUint16}, pixels, packed);
    speeds.push_back(once.bytes_per_s);
    shares.push_back(once.share);
    unpacked.push_back(once.unpacked_per_s);
    ratio = once.ratio;
  }
  return {median(speeds), median(shares), ratio, median(unpacked)};
}

void note(const char* codec, const Outcome& outcome) {
  Report::note(fmt::format(
      "{:15} {:6.3f} GB/s in, {:.3f} of memcpy, ratio {:.2f}; {:.2f} GB/s back", codec,
      outcome.bytes_per_s * 1e-9, outcome.share, outcome.ratio, outcome.unpacked_per_s * 1e-9));
}

const char* name_of_kernels() {
  switch (best_plane_kernels()) {
    case PlaneKernels::kPlain:
      return "plain";
    case PlaneKernels::kBaseline:
      return "baseline";
    case PlaneKernels::kV3:
      return "v3";
  }
  return "";
}

}  // namespace
}  // namespace framelog::bench

int main(int argc, char** argv) {
  using namespace framelog;
  using namespace framelog::bench;
  const int repeats = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  const std::vector<std::byte> pixels = make_counts();
  std::vector<std::byte> packed(pixels.size());
  Report report;
  Report::note(fmt::format("{} kernels, medians of {}", name_of_kernels(), repeats));
  for (const std::uint32_t side_px : {256U, 1024U}) {
    const Outcome outcome = measure("bitshuffle-lz4", side_px, pixels, packed, repeats);
    const std::string name = fmt::format("bitshuffle-lz4, {0} x {0} uint16", side_px);
    report.at_least(name, outcome.bytes_per_s * 1e-9, kGoalBytesPerS * 1e-9, "GB/s");
    report.at_least(name + ", ratio", outcome.ratio, kGoalRatio);
    note("", outcome);
  }
  const std::span<const std::byte> part = std::span(pixels).first(kPartBytes);
  for (const char* codec : {"lz4", "zstd-1", "zstd-3", "gzip-1", "gzip-4", "deflate", "lzw"}) {
    note(codec, measure(codec, 1024, part, std::span(packed).first(kPartBytes), 1));
  }
  return report.status();
}
