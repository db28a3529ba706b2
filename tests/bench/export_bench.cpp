// Input bytes per second of an export's pipeline (frames read from the page cache, checked, cut and
// binned), as a share of a plain copy in memory. Usage: export_bench [repeats]

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "core/crc32c.hpp"
#include "export/result_frames.hpp"
#include "formats/segment.hpp"
#include "memory_bandwidth.hpp"
#include "scratch.hpp"
#include "store/provenance.hpp"

namespace framelog::bench {
namespace {

constexpr std::int64_t kFrames = 256;
constexpr FrameShape kShape{1024, 1024, PixelType::kUint16};

/// A growing segment of 512 MiB, which is read as a finished one is.
std::filesystem::path make_segment(const std::filesystem::path& folder,
                                   std::unique_ptr<SegmentWriter>& writer) {
  SegmentDescription d;
  d.program_version = "bench";
  d.instrument = d.product = "bench";
  d.shape = d.sensor = kShape;
  d.region = {0, kShape.height_px, 0, kShape.width_px};
  d.pixel_size = {{1.0, "px"}};
  d.capacity_frames = kFrames;
  d.run_uuid = "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
  d.provenance_json = start_provenance({}, d);
  d.direct_io = false;
  const SegmentFormat* format = find_format("hdf5");
  auto made = format->prepare(system_files(), folder / "next", d);
  if (!made) std::abort();
  writer = std::move(*made);
  const auto part = folder / "bench.h5.part";
  if (!writer->activate(part)) std::abort();
  std::mt19937_64 random(1);
  std::vector<std::byte> pixels(size_bytes(kShape));
  for (std::int64_t i = 0; i < kFrames; ++i) {
    for (std::size_t at = 0; at < pixels.size(); at += 8) {
      const std::uint64_t word = random() & 0x0FFF0FFF0FFF0FFFU;
      std::memcpy(pixels.data() + at, &word, 8);
    }
    FrameRecord record;
    record.sequence = record.source_sequence = static_cast<std::uint64_t>(i);
    record.monotonic_ns = record.utc_ns = i * 1'000'000;
    record.crc32c = crc32c(pixels);
    seal(record);
    if (!writer->append(std::span(&record, 1), pixels, {})) std::abort();
  }
  return part;
}

double seconds_of_export(const std::filesystem::path& part, const TransformRequest& request) {
  InputRequest input;
  input.paths = {part};
  const auto recording = open_recording(system_files(), input);
  if (!recording) std::abort();
  const auto result = open_result(**recording, request);
  if (!result) std::abort();
  return seconds_of([&] {
    ResultSlice slice;
    while ((*result)->next(slice).value()) {
    }
  });
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void measure(const char* name, const std::filesystem::path& part, const TransformRequest& request,
             int repeats) {
  constexpr double kBytes = static_cast<double>(kFrames) * 1024 * 1024 * 2;
  std::vector<std::byte> from(std::size_t{64} << 20U, std::byte{1});
  std::vector<std::byte> to(from.size());
  std::vector<double> rates;
  std::vector<double> shares;
  for (int i = 0; i < repeats; ++i) {
    const double copying = seconds_of([&] { std::memcpy(to.data(), from.data(), from.size()); });
    rates.push_back(kBytes / seconds_of_export(part, request));
    shares.push_back(rates.back() / (static_cast<double>(from.size()) / copying));
  }
  std::printf("%-28s %6.2f GB/s of input, %.2f of a copy in memory\n", name, median(rates) / 1e9,
              median(shares));
}

void run(int repeats) {
  const Scratch scratch(Scratch::default_parent());
  std::unique_ptr<SegmentWriter> writer;
  const auto part = make_segment(scratch.path(), writer);
  measure("as it is", part, {}, repeats);
  TransformRequest binned;
  binned.bin = {2, 2};
  binned.cutout = {{Axis::kY, 16, 1008}, {Axis::kX, 16, 1008}};
  measure("cut, 2x2 sum", part, binned, repeats);
  binned.bin_mode = BinMode::kMean;
  binned.bin = {4, 4};
  measure("cut, 4x4 mean", part, binned, repeats);
  TransformRequest converted;
  converted.dtype = PixelType::kFloat32;
  measure("float32", part, converted, repeats);
  converted.renormalise = Renormalisation{0, 4095, 0, 255};
  converted.dtype = PixelType::kUint8;
  measure("renormalised to uint8", part, converted, repeats);
  TransformRequest turned;
  turned.axes = {Axis::kY, Axis::kX, Axis::kTime};
  turned.cutout = {{Axis::kY, 0, 64}};
  measure("64 rows as (y, x, t)", part, turned, repeats);
}

}  // namespace
}  // namespace framelog::bench

int main(int argc, char** argv) {
  framelog::bench::run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 5);
  return 0;
}
