#pragma once

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/crc32c.hpp"
#include "export/dataset_writer.hpp"
#include "export/write_facts.hpp"

namespace framelog {

/// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "framelog_write_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// Random slices of a shape with all that is told of them.
struct SyntheticResult {
  RecordingFacts recording;
  ResultFacts result;
  WriteRequest request;
  std::vector<std::vector<std::byte>> pixels;
  std::vector<std::vector<std::vector<std::byte>>> layers;  ///< Of each slice.
  std::vector<std::uint32_t> crc32c;

  SyntheticResult(const std::string& axes, const std::vector<std::uint64_t>& shape, PixelType type,
                  unsigned seed = 1) {
    const auto order = parse_axes(axes).value();
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool is_space = order[i] == Axis::kY || order[i] == Axis::kX;
      result.axes.push_back(
          {order[i], shape[i], is_space ? 0.25 : 0.0, is_space ? 0.5 : 2.0, is_space ? "um" : "s"});
    }
    result.type = type;
    result.slice = {shape.size() < 2 ? 1U : static_cast<std::uint32_t>(shape[shape.size() - 2]),
                    static_cast<std::uint32_t>(shape.back()), type};
    result.slices = 1;
    for (std::size_t i = 0; i + 2 < shape.size(); ++i) result.slices *= shape[i];
    result.frames_in_order = axes.ends_with("yx") || axes.ends_with("y,x");
    result.pixel_size = {Length{0.5, "um"}, Length{0.5, "um"}};
    result.region = {IndexRange{0, result.slice.height_px}, IndexRange{0, result.slice.width_px}};
    result.time = {0, result.slices};
    result.steps = {{"crop", {{"y", std::vector<std::int64_t>{0, 4}}, {"note", std::string("a")}}}};
    result.has_times = result.frames_in_order;
    recording.shape = result.slice;
    recording.frames = result.slices;
    recording.instrument = "camera";
    recording.product = "full";
    recording.channel = "height";
    recording.value_unit = "counts";
    recording.run_uuid = "01234567-89ab-4def-8123-456789abcdef";
    recording.run_number = 7;
    recording.start_utc_ns = 1'700'000'000'000'000'000;
    recording.has_times = true;
    recording.events = {{1'700'000'001'000'000'000, "shutter's \"open\"", "ada"}};
    recording.gaps = {{0, 2, 80'000'000, "source", "sequence-gap"}};
    recording.configuration = "[source]\ndriver = simulator\n";
    fill(seed);
  }

  void fill(unsigned seed) {
    std::mt19937 random(seed);
    for (std::uint64_t i = 0; i < result.slices; ++i) {
      std::vector<std::byte> bytes(size_bytes(result.slice));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0x3FU);
      // NaN of any pattern is to come back as it is.
      if (result.type == PixelType::kFloat32) {
        const std::uint32_t pattern = 0x7FC12345U + static_cast<std::uint32_t>(i);
        std::memcpy(bytes.data(), &pattern, sizeof pattern);
      }
      crc32c.push_back(framelog::crc32c(bytes));
      pixels.push_back(std::move(bytes));
    }
  }

  void add_layer(const std::string& name, bool is_mask) {
    const FrameShape shape{result.slice.height_px, result.slice.width_px,
                           is_mask ? PixelType::kUint8 : PixelType::kFloat32};
    result.layers.push_back({name, is_mask, shape});
    layers.resize(result.slices);
    for (std::uint64_t i = 0; i < result.slices; ++i) {
      layers[i].emplace_back(size_bytes(shape), static_cast<std::byte>(i % 2));
    }
  }

  [[nodiscard]] WritePlan plan(const std::filesystem::path& part) const {
    WritePlan plan;
    plan.part = part;
    plan.final_name = part.stem().string();
    plan.recording = &recording;
    plan.result = &result;
    plan.request = &request;
    plan.provenance_json = R"({"run": {"number": 7, "segment": 0}, "processing": {"steps": []}})";
    plan.export_utc_ns = 1'750'000'000'000'000'000;
    return plan;
  }

  [[nodiscard]] ResultSlice slice(std::uint64_t index) const {
    ResultSlice slice;
    slice.index = index;
    slice.pixels = pixels[index];
    slice.frame = index;
    slice.note.info.sequence = index;
    slice.note.info.source_sequence = index + 100;
    slice.note.info.utc_ns = recording.start_utc_ns + static_cast<std::int64_t>(index) * 40'000'000;
    slice.note.info.monotonic_ns = 5'000 + static_cast<std::int64_t>(index) * 40'000'000;
    slice.note.info.exposure_ns = 10'000'000;
    slice.statistics = {0.0, 63.0, 31.5, 18.0, static_cast<double>(index), 3, 1};
    if (!layers.empty()) {
      for (const auto& layer : layers[index]) slice.layers.emplace_back(layer);
    }
    return slice;
  }

  [[nodiscard]] Result<void> feed(DatasetWriter& writer) const {
    for (std::uint64_t i = 0; i < result.slices; ++i) {
      if (auto done = writer.write(slice(i)); !done) return done;
    }
    return {};
  }

  /// Writes all of it.
  [[nodiscard]] Result<void> write(const DatasetFormat& format,
                                   const std::filesystem::path& part) const {
    std::vector<std::string> notes;
    if (auto good = format.check(recording, result, request, notes); !good) return good;
    auto writer = format.create(system_files(), plan(part));
    if (!writer) return std::unexpected(writer.error());
    if (auto fed = feed(**writer); !fed) return fed;
    return (*writer)->finish({result.slices, 0, 0});
  }
  [[nodiscard]] Result<void> verify(const DatasetFormat& format,
                                    const std::filesystem::path& part) const {
    return format.verify(system_files(), part, result, request, crc32c);
  }
};

}  // namespace framelog
