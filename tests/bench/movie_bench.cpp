// Frames a second of making a movie: 500 of 512 x 512 uint16, noisy as those of a camera, through
// the colour map into a WebM; for comparison into the other formats.
// Usage: movie_bench [frames]

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "export/picture.hpp"
#include "memory_bandwidth.hpp"
#include "report.hpp"
#include "scratch.hpp"

namespace framelog::bench {
namespace {

constexpr std::uint32_t kSide = 512;
constexpr std::int64_t kFrame_ns = 40'000'000;
constexpr double kGoal = 60;  // Frames a second, of WebM.

/// Bright spots that move over a dark ground, with shot noise.
std::vector<std::vector<std::uint16_t>> make_frames(std::size_t count) {
  std::minstd_rand random(1);
  std::normal_distribution<double> noise;
  std::vector<std::vector<std::uint16_t>> frames(count);
  for (std::size_t t = 0; t < count; ++t) {
    frames[t].resize(std::size_t{kSide} * kSide);
    for (std::uint32_t y = 0; y < kSide; ++y) {
      for (std::uint32_t x = 0; x < kSide; ++x) {
        const double phase = 0.05 * static_cast<double>(t);
        const double wave = std::sin(0.05 * x + phase) * std::sin(0.04 * y - phase);
        const double light = 200 + 1800 * std::max(wave, 0.0);
        frames[t][std::size_t{y} * kSide + x] =
            static_cast<std::uint16_t>(light + std::sqrt(light) * noise(random));
      }
    }
  }
  return frames;
}

double frames_per_second(const std::filesystem::path& file, const MovieFormat& format,
                         const std::vector<std::vector<std::uint16_t>>& frames, std::size_t count) {
  auto movie = must(create_movie(system_files(), format, file, {}, {}));
  RgbImage image;
  const double seconds = seconds_of([&] {
    for (std::size_t t = 0; t < count; ++t) {
      const auto pixels = std::as_bytes(std::span(frames[t % frames.size()]));
      colour({kSide, kSide, PixelType::kUint16}, pixels, {0, 2200}, ColourMap::kViridis, image);
      must(movie->add(image, kFrame_ns));
    }
    must(movie->finish());
  });
  return static_cast<double>(count) / seconds;
}

int run(std::size_t count) {
  const auto frames = make_frames(std::min<std::size_t>(count, 50));
  const Scratch scratch(Scratch::default_parent());
  Report report;
  for (const MovieFormat& format : movie_formats()) {
    const auto file = scratch.path() / fmt::format("movie{}", format.extension);
    const double speed = frames_per_second(file, format, frames, count);
    const auto text = fmt::format("{}: {} frames of 512 x 512", format.name, count);
    if (format.name == "webm") {
      report.at_least(text, speed, kGoal, "frames/s");
    } else {
      Report::note(fmt::format("{}: {:.1f} frames/s", text, speed));
    }
    Report::note(fmt::format("  {:.1f} MB", static_cast<double>(file_size(file)) * 1e-6));
  }
  return report.status();
}

}  // namespace
}  // namespace framelog::bench

int main(int argc, char** argv) {
  try {
    return framelog::bench::run(argc > 1 ? std::max(1UL, std::strtoul(argv[1], nullptr, 10)) : 500);
  } catch (const std::exception& error) {
    fmt::print(stderr, "movie_bench: {}\n", error.what());
    return 1;
  }
}
