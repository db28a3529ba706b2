// Damages the files of an unfinished segment in any way, and recovers it. The input is a list of
// damages: which format, then file, place and bytes of each; or where a file is cut off.

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "core/crc32c.hpp"
#include "core/log.hpp"
#include "fuzz_files.hpp"
#include "store/event_log.hpp"
#include "store/provenance.hpp"
#include "store/recovery.hpp"
#include "store/verify.hpp"

namespace framelog {
namespace {

using std::filesystem::path;
using Files = std::map<std::string, std::string>;  ///< Name and bytes.

constexpr std::int64_t kFrames = 6;

SegmentDescription description() {
  SegmentDescription d;
  d.program_version = "0.1.0";
  d.instrument = "fuzz";
  d.product = "frames";
  d.shape = d.sensor = {4, 8, PixelType::kUint16};
  d.region = {0, 4, 0, 8};
  d.bin_mode = "sum";
  d.pixel_size = {{1.0, "px"}};
  d.value_unit = "counts";
  d.run_uuid = "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
  d.run_number = 1;
  d.segment_number = 1;
  d.capacity_frames = kFrames + 2;
  d.provenance_json = start_provenance({}, d);
  return d;
}

std::string bytes_of(const path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Files files_in(const path& directory) {
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_regular_file()) {
      files[entry.path().filename().string()] = bytes_of(entry.path());
    }
  }
  return files;
}

/// What a killed process leaves of one segment.
Files leave(const SegmentFormat& format, const path& directory) {
  const SegmentDescription d = description();
  auto writer = format.prepare(system_files(), directory / "next", d);
  const path part = directory / ("a" + std::string(format.extension) + ".part");
  if (!writer || !(*writer)->activate(part)) std::abort();
  std::vector<std::byte> pixels(size_bytes(d.shape));
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    FrameRecord record;
    record.sequence = record.source_sequence = i;
    record.utc_ns = record.monotonic_ns = static_cast<std::int64_t>(i) + 1;
    std::ranges::fill(pixels, static_cast<std::byte>(i));
    record.crc32c = crc32c(pixels);
    seal(record);
    if (!(*writer)->append(std::span(&record, 1), pixels, {})) std::abort();
    if (i == 2 && !(*writer)->sync()) std::abort();
  }
  auto log = EventLog::create(system_files(), events_path(part));
  if (!log) std::abort();
  log->begin(system_files(), 0);
  log->add(system_files(), GapEntry{2, 1, 5, "capture", "ring-full"}, 10);
  writer->reset();
  return files_in(directory);
}

/// The next number of the input; 0 behind its end.
std::uint32_t take(std::span<const std::uint8_t>& input, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes && !input.empty(); ++i, input = input.subspan(1)) {
    value = value << 8U | input.front();
  }
  return value;
}

void damage(Files& files, std::span<const std::uint8_t> input) {
  while (!input.empty()) {
    auto file = std::next(files.begin(), take(input, 1) % static_cast<long>(files.size()));
    std::string& bytes = file->second;
    const std::size_t at = take(input, 3) % (bytes.size() + 1);
    const std::uint32_t count = take(input, 1);
    if (count == 0) {
      bytes.resize(at);
      continue;
    }
    for (std::uint32_t i = 0; i < count && at + i < bytes.size() && !input.empty(); ++i) {
      bytes[at + i] = static_cast<char>(take(input, 1));
    }
  }
}

/// Nothing that was not understood has been changed.
void expect_kept(const Files& damaged, const path& quarantine) {
  const Files kept = files_in(quarantine);
  for (const auto& [name, bytes] : damaged) {
    if (name.starts_with(".") || name.starts_with("next")) continue;
    const auto found = kept.find(name);
    if (found == kept.end() || found->second != bytes) std::abort();
  }
}

void recover_damaged(const SegmentFormat& format, const Files& damaged) {
  static const path directory = [] {
    static fuzz::FuzzFiles files;
    return files.write("x", {}).parent_path() / "work";
  }();
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  for (const auto& [name, bytes] : damaged) {
    std::ofstream(directory / name, std::ios::binary) << bytes;
  }
  const path part = directory / ("a" + std::string(format.extension) + ".part");
  const RecoveredSegment recovered = recover_part(system_files(), part);
  switch (recovered.outcome) {
    case RecoveryOutcome::kFinished:
      static_cast<void>(verify_segment(system_files(), recovered.result));
      break;
    case RecoveryOutcome::kQuarantined:
      expect_kept(damaged, directory / "quarantine");
      break;
    default:
      break;
  }
}

}  // namespace
}  // namespace framelog

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  static const std::vector<Files> left = [] {
    std::vector<Files> all;
    for (const SegmentFormat& format : segment_formats()) {
      fuzz::FuzzFiles files;
      all.push_back(leave(format, files.write("x", {}).parent_path()));
      all.back().erase("x");
    }
    return all;
  }();
  std::span<const std::uint8_t> input(data, size);
  const std::size_t which = take(input, 1) % left.size();
  Files damaged = left[which];
  damage(damaged, input);
  recover_damaged(segment_formats()[which], damaged);
  return 0;
}
