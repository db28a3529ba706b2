// The recording path beside what the machine can do, in one run: the write stage, a whole
// recording, small frames at high rates, and many rolls.
// Usage: bench_recording [--quick] [--dir DIR] [write|end-to-end|rates|rolls]...
// Exit status: 0 all bounds are met, 1 one is missed, 2 it could not be measured.

#include <array>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/log.hpp"
#include "memory_bandwidth.hpp"
#include "recording.hpp"
#include "report.hpp"
#include "write_stage.hpp"

namespace framelog::bench {
namespace {

constexpr FrameShape kLarge{1024, 1024, PixelType::kUint16};
constexpr std::uint64_t kLargeBytes = std::uint64_t{2} << 20U;
constexpr double kGiga = 1e9;

struct Options {
  bool quick{};
  std::filesystem::path directory{Scratch::default_parent()};
  std::vector<std::string> parts;

  [[nodiscard]] bool wants(std::string_view part) const {
    return parts.empty() || std::ranges::find(parts, part) != parts.end();
  }
  [[nodiscard]] int repeats() const { return quick ? 3 : 5; }
};

void write_stage(const Options& options, Report& report) {
  const std::uint64_t frames = options.quick ? 256 : 768;
  constexpr std::uint64_t kBlockBytes = std::uint64_t{8} << 20U;
  constexpr std::array<const char*, 3> kFormats{"hdf5", "raw", "tiff"};
  constexpr std::size_t kRaw = 1;
  constexpr std::size_t kTiff = 2;
  std::vector<double> plain;
  std::vector<double> plain_cpu;
  std::array<std::vector<double>, kFormats.size()> shares;
  std::array<std::vector<double>, kFormats.size()> cpu;
  for (int repeat = 0; repeat < options.repeats(); ++repeat) {
    for (std::size_t i = 0; i < kFormats.size(); ++i) {
      const auto before = write_plain(options.directory, frames * kLargeBytes, kBlockBytes);
      const auto stage = write_segment(options.directory, kLarge, frames, kFormats[i]);
      const auto after = write_plain(options.directory, frames * kLargeBytes, kBlockBytes);
      shares[i].push_back(stage.bytes_per_s / ((before.bytes_per_s + after.bytes_per_s) / 2));
      cpu[i].push_back(stage.cpu_s_per_gb);
      for (const WriteResult& one : {before, after}) {
        plain.push_back(one.bytes_per_s);
        plain_cpu.push_back(one.cpu_s_per_gb);
      }
    }
  }
  Report::note(fmt::format("plain O_DIRECT: {:.2f} GB/s, {:.3f} CPU s/GB", median(plain) / kGiga,
                           median(plain_cpu)));
  for (std::size_t i = 0; i < kFormats.size(); ++i) {
    const std::string name = fmt::format("write stage, {}", kFormats[i]);
    report.at_least(name + ": of plain O_DIRECT", median(shares[i]), 0.85);
    report.at_most(name + ": writing thread", median(cpu[i]), 0.08, "CPU s/GB");
  }
  report.at_least("write stage, tiff: of raw", median(shares[kTiff]) / median(shares[kRaw]), 0.6);
}

/// What capture, reduction and files make of frames that cost nothing, from the second round
/// through the ring on.
struct Throughput {
  double input_bytes_per_s{};
  double cpu_s_per_gb{};
  double wall_s{};
  std::string threads;
};

/// No frame lost, and every one of them verified.
void check_complete(Report& report, const std::string& name, const Recording& recording,
                    std::uint64_t frames) {
  const Accounting& accounting = recording.status.products.front().accounting;
  report.at_most(name + ": frames lost", static_cast<double>(frames - accounting.recorded), 0);
  report.at_most(name + ": frames not verified",
                 static_cast<double>(frames - recording.verified_frames) +
                     static_cast<double>(recording.problems.size()),
                 0);
  for (const std::string& problem : recording.problems) Report::note(problem);
}

Throughput record_at_full_rate(const Options& options, Report& report, std::uint64_t frames) {
  FreeSource source(kLarge, frames, std::nullopt);
  Throughput result;
  double wall{};
  double cpu{};
  std::uint64_t first{};
  std::uint64_t last{};
  ThreadTimes threads;
  const auto watch = [&](const SessionStatus& status) {
    const std::uint64_t recorded = status.products.front().accounting.recorded;
    threads.look_now_and_then();
    if (first == 0 && recorded >= 2 * status.ring_slots) {
      first = recorded;
      wall = wall_s();
      cpu = process_cpu_s();
    }
    last = recorded;
    result.wall_s = wall_s() - wall;
  };
  const double begin = wall_s();
  const Recording recording =
      record(options.directory, source, {"ring.overflow=wait", "product.frames.bin=2x2"}, watch);
  if (recording.status.products.front().accounting.recorded != frames ||
      recording.verified_frames != frames || !recording.problems.empty()) {
    check_complete(report, "end to end", recording, frames);
  }
  const double bytes = static_cast<double>((last - first) * kLargeBytes);
  result.input_bytes_per_s = bytes / result.wall_s;
  result.cpu_s_per_gb = (recording.cpu_s - cpu) / (bytes / kGiga);
  result.threads = threads.shares(wall + result.wall_s - begin);
  return result;
}

void end_to_end(const Options& options, Report& report) {
  const std::uint64_t frames = options.quick ? 1200 : 3000;
  const std::uint64_t output_bytes = frames * kLargeBytes / 2;
  std::vector<std::byte> memory(std::size_t{256} << 20U);
  std::mt19937_64 random(1);
  std::ranges::generate(memory, [&] { return static_cast<std::byte>(random()); });
  std::vector<double> reads;
  std::vector<double> disks;
  std::vector<double> inputs;
  std::vector<double> of_read;
  std::vector<double> of_disk;
  std::vector<double> cpu;
  for (int repeat = 0; repeat < options.repeats(); ++repeat) {
    const double read_before = read_bandwidth(memory);
    const double disk_before =
        write_plain(options.directory, output_bytes / 2, 8 << 20U).bytes_per_s;
    const Throughput one = record_at_full_rate(options, report, frames);
    const double disk_after =
        write_plain(options.directory, output_bytes / 2, 8 << 20U).bytes_per_s;
    reads.push_back((read_before + read_bandwidth(memory)) / 2);
    disks.push_back((disk_before + disk_after) / 2);
    inputs.push_back(one.input_bytes_per_s);
    of_read.push_back(inputs.back() / reads.back());
    of_disk.push_back(inputs.back() / 2 / disks.back());
    cpu.push_back(one.cpu_s_per_gb);
    Report::note(fmt::format("input {:.2f} GB/s in {:.1f} s, cores: {}", inputs.back() / kGiga,
                             one.wall_s, one.threads));
  }
  Report::note(
      fmt::format("read bandwidth {:.1f} GB/s, disk {:.2f} GB/s, input {:.2f} GB/s, "
                  "{:.3f} of the read bandwidth, {:.2f} of what the disk takes",
                  median(reads) / kGiga, median(disks) / kGiga, median(inputs) / kGiga,
                  median(of_read), median(of_disk)));
  const double of_bound = std::max(median(of_read) / 0.11, median(of_disk) / 0.85);
  report.at_least("end to end, 2x2 sum, hdf5: of the lesser bound", of_bound, 1.0);
  report.at_most("end to end, 2x2 sum, hdf5: whole process", median(cpu), 0.25, "CPU s/GB");
}

void record_at_rate(const Options& options, Report& report, const std::string& name,
                    const FrameShape& shape, double rate_hz, double seconds,
                    std::vector<std::string> values) {
  const auto frames = static_cast<std::uint64_t>(rate_hz * seconds);
  FreeSource source(shape, frames, rate_hz);
  ThreadTimes threads;
  std::uint64_t most_used = 0;
  const double begin = wall_s();
  double end = begin;
  const auto watch = [&](const SessionStatus& status) {
    threads.look_now_and_then();
    most_used = std::max(most_used, status.ring_used_slots * 100 / status.ring_slots);
    end = wall_s();
  };
  values.emplace_back("ring.overflow=drop");
  const Recording recording = record(options.directory, source, std::move(values), watch);
  check_complete(report, name, recording, frames);
  // A capture stage that falls behind its instrument loses frames there.
  report.at_most(name + ": behind schedule", static_cast<double>(source.late_ns()) * 1e-6, 100,
                 "ms");
  Report::note(fmt::format(
      "{} segments, at most {:.0f} ms behind schedule, ring at most {} % "
      "full, cores: {}",
      recording.status.products.front().segments, static_cast<double>(source.most_late_ns()) * 1e-6,
      most_used, threads.shares(end - begin)));
}

void rates(const Options& options, Report& report) {
  const double seconds = options.quick ? 3 : 10;
  record_at_rate(options, report, "128 x 128 uint16 at 20 000/s", {128, 128, PixelType::kUint16},
                 20'000, seconds, {});
  record_at_rate(options, report, "1 x 1024 uint16 at 100 000/s", {1, 1024, PixelType::kUint16},
                 100'000, seconds, {});
}

void rolls(const Options& options, Report& report) {
  constexpr std::uint64_t kRolls = 64;
  constexpr std::uint64_t kFramesEach = 32;
  constexpr std::uint64_t kFrames = (kRolls + 1) * kFramesEach;
  const std::string each = fmt::format("roll.max_frames={}", kFramesEach);
  FreeSource source(kLarge, kFrames, std::nullopt);
  const double begin = wall_s();
  double end = begin;
  const auto watch = [&](const SessionStatus&) { end = wall_s(); };
  const Recording recording =
      record(options.directory, source, {"ring.overflow=wait", each}, watch);
  check_complete(report, "64 rolls, wait", recording, kFrames);
  report.at_least("64 rolls, wait: segments",
                  static_cast<double>(recording.status.products.front().segments), kRolls + 1);
  Report::note(fmt::format("{:.1f} segments/s, {:.2f} GB/s", (kRolls + 1) / (end - begin),
                           kFrames * kLargeBytes / (end - begin) / kGiga));
  record_at_rate(options, report, "64 rolls at 200 frames/s, drop", kLarge, 200,
                 static_cast<double>(kFrames) / 200, {each});
}

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") {
      options.quick = true;
    } else if (argument == "--dir" && i + 1 < argc) {
      options.directory = argv[++i];
    } else {
      options.parts.emplace_back(argument);
    }
  }
  return options;
}

}  // namespace
}  // namespace framelog::bench

int main(int argc, char** argv) {
  using namespace framelog::bench;
  try {
    const Options options = read_options(argc, argv);
    framelog::set_log_level(framelog::LogLevel::kWarning);
    Report report;
    if (options.wants("write")) write_stage(options, report);
    if (options.wants("end-to-end")) end_to_end(options, report);
    if (options.wants("rates")) rates(options, report);
    if (options.wants("rolls")) rolls(options, report);
    return report.status();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_recording: %s\n", error.what());
    return 2;
  }
}
