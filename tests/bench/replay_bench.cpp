// Replaying a cached file beside dd reading it, in one run: an NPY, and HDF5 without checksums and
// with those of our own segments, which are worked out again for every frame.
// Usage: bench_replay [--quick] [--dir DIR]
// Exit status: 0 all bounds are met, 1 one is missed, 2 it could not be measured.

#include <fcntl.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/crc32c.hpp"
#include "drivers/replay.hpp"
#include "formats/segment.hpp"
#include "processor_time.hpp"
#include "report.hpp"
#include "scratch.hpp"

namespace framelog::bench {
namespace {

constexpr double kGiga = 1e9;

struct Options {
  bool quick{};
  std::filesystem::path directory{Scratch::default_parent()};
};

struct PageAligned {
  void operator()(std::byte* memory) const noexcept { std::free(memory); }
};
using Memory = std::unique_ptr<std::byte[], PageAligned>;

Memory page_aligned(std::size_t bytes) {
  return Memory(static_cast<std::byte*>(std::aligned_alloc(4096, bytes)));
}

std::filesystem::path write_npy(const std::filesystem::path& directory, const FrameShape& shape,
                                std::uint64_t frames) {
  const auto path = directory / "frames.npy";
  std::string head =
      fmt::format("{{'descr': '<u2', 'fortran_order': False, 'shape': ({}, {}, {})}}", frames,
                  shape.height_px, shape.width_px);
  head.resize(117, ' ');
  head = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + head + '\n';
  const UniqueFd fd = must(system_files().open(path, O_WRONLY | O_CREAT));
  must(system_files().write_at(fd.get(), std::as_bytes(std::span(head)), 0));
  std::vector<std::byte> frame(size_bytes(shape), std::byte{0x5A});
  for (std::uint64_t i = 0; i < frames; ++i) {
    const auto at = static_cast<std::int64_t>(head.size() + i * frame.size());
    must(system_files().write_at(fd.get(), frame, at));
  }
  return path;
}

enum class Kind : std::uint8_t { kNpy, kHdf5, kHdf5WithChecksums };
constexpr std::array<const char*, 3> kNames{"NPY", "HDF5", "HDF5 with checksums"};
constexpr double kBound = 0.8;

/// Left as it is while it is recorded, in the cache. Records that are not sealed have no checksum.
std::filesystem::path write_segment(const std::filesystem::path& directory, const FrameShape& shape,
                                    std::uint64_t frames, bool sealed) {
  SegmentDescription description;
  description.instrument = "bench";
  description.product = "frames";
  description.shape = description.sensor = shape;
  description.pixel_size = {{1.0, "px"}};
  description.region = {0, shape.height_px, 0, shape.width_px};
  description.run_uuid = "00000000-0000-4000-8000-000000000000";
  description.provenance_json = "{}";
  description.capacity_frames = static_cast<std::int64_t>(frames);
  description.direct_io = false;
  auto writer = must(find_format("hdf5")->prepare(system_files(), directory / "next", description));
  const auto path = directory / "frames.h5.part";
  must(writer->activate(path));
  const std::vector<std::byte> frame(size_bytes(shape), std::byte{0x5A});
  for (std::uint64_t i = 0; i < frames; ++i) {
    FrameRecord record;
    record.sequence = record.source_sequence = i;
    record.crc32c = crc32c(frame);
    if (sealed) seal(record);
    must(writer->append(std::span(&record, 1), frame, {}));
  }
  return path;
}

/// Bytes per second, as dd itself says.
double dd(const std::filesystem::path& path, std::size_t block_bytes) {
  const std::string line =
      fmt::format("LC_ALL=C dd if='{}' of=/dev/null bs={} 2>&1", path.string(), block_bytes);
  std::FILE* const pipe = ::popen(line.c_str(), "r");  // NOLINT(cert-env33-c): a path of our own
  if (pipe == nullptr) give_up("cannot run dd");
  std::string said;
  std::array<char, 256> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) said += part.data();
  const int status = ::pclose(pipe);
  const std::size_t at = said.find("copied, ");
  if (status != 0 || at == std::string::npos) give_up("dd: " + said);
  return static_cast<double>(std::filesystem::file_size(path)) /
         std::strtod(said.c_str() + at + 8, nullptr);
}

double replay(const std::filesystem::path& path, const FrameShape& shape, std::uint64_t frames) {
  Replay source({.path = path, .pace = ReplayPace::kMax, .request = {}}, system_clock());
  must(source.open());
  must(source.start());
  const std::size_t bytes = size_bytes(shape);
  const Memory memory = page_aligned(bytes);
  const std::span<std::byte> pixels(memory.get(), bytes);
  const double begin = wall_s();
  for (std::uint64_t i = 0; i < frames; ++i) {
    const FrameInfo info = must(source.read(pixels, kNoDeadline));
    if (info.source_sequence != i) give_up("a wrong frame in " + path.string());
  }
  return static_cast<double>(frames * bytes) / (wall_s() - begin);
}

void compare(const Options& options, Report& report, const FrameShape& shape) {
  const std::uint64_t frames =
      (std::uint64_t{options.quick ? 128U : 512U} << 20U) / size_bytes(shape);
  for (const Kind kind : {Kind::kNpy, Kind::kHdf5, Kind::kHdf5WithChecksums}) {
    const Scratch scratch(options.directory);
    const auto path = kind == Kind::kNpy ? write_npy(scratch.path(), shape, frames)
                                         : write_segment(scratch.path(), shape, frames,
                                                         kind == Kind::kHdf5WithChecksums);
    dd(path, size_bytes(shape));
    std::vector<double> rates;
    std::vector<double> ratios;
    for (int repeat = 0; repeat < (options.quick ? 5 : 9); ++repeat) {
      const double before = dd(path, size_bytes(shape));
      rates.push_back(replay(path, shape, frames));
      ratios.push_back(rates.back() / ((before + dd(path, size_bytes(shape))) / 2));
    }
    Report::note(fmt::format("{:.2f} GB/s", median(rates) / kGiga));
    const char* const name = kNames[static_cast<std::size_t>(kind)];
    report.at_least(fmt::format("replay of {}, {}: of dd", name, to_string(shape)), median(ratios),
                    kBound);
  }
}

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") options.quick = true;
    if (argument == "--dir" && i + 1 < argc) options.directory = argv[++i];
  }
  return options;
}

}  // namespace
}  // namespace framelog::bench

int main(int argc, char** argv) {
  using namespace framelog::bench;
  try {
    const Options options = read_options(argc, argv);
    Report report;
    compare(options, report, {1024, 1024, framelog::PixelType::kUint16});
    compare(options, report, {128, 128, framelog::PixelType::kUint16});
    return report.status();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_replay: %s\n", error.what());
    return 2;
  }
}
