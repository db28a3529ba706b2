#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/crc32c.hpp"
#include "formats/segment.hpp"

namespace framelog {

inline SegmentDescription packed_description(const Compression& compression, FrameShape shape,
                                             std::int64_t capacity) {
  SegmentDescription d;
  d.program_version = "0.1.0";
  d.instrument = "bench";
  d.product = "whole";
  d.detector_description = "test";
  d.shape = d.sensor = shape;
  d.region = {0, shape.height_px, 0, shape.width_px};
  d.bin_mode = "sum";
  d.pixel_size = {{1.0, "px"}};
  d.value_unit = "counts";
  d.steps = {{"crop", {{"origin_yx", std::vector<std::int64_t>{0, 0}}}}};
  d.run_uuid = "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
  d.run_number = 1;
  d.run_start_utc_ns = 1'795'190'400'000'000'000;
  d.run_start_monotonic_ns = 1'000'000'000;
  d.configuration = "[instrument]\ndriver = simulator\n";
  d.provenance_json = R"({"run": {"uuid": "x"}})";
  d.compression = compression;
  d.capacity_frames = capacity;
  d.capacity_bytes = capacity * static_cast<std::int64_t>(size_bytes(shape));
  return d;
}

/// Frame `sequence`: of few counts; each third one is noise, which cannot be packed.
inline std::vector<std::byte> packed_pixels_of(const FrameShape& shape, std::uint64_t sequence) {
  std::mt19937_64 random(sequence);
  std::poisson_distribution<int> counts(2);
  const std::size_t step = size_bytes(shape.type);
  std::vector<std::byte> pixels(size_bytes(shape));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    if (sequence % 3 == 2) {
      pixels[i] = static_cast<std::byte>(random());
    } else if (i % step == 0) {
      pixels[i] = static_cast<std::byte>(counts(random));
    }
  }
  return pixels;
}

inline FrameRecord packed_record_of(std::uint64_t sequence, std::span<const std::byte> pixels,
                                    std::span<const double> sums = {}) {
  FrameRecord record;
  record.sequence = record.source_sequence = sequence;
  record.monotonic_ns = 1'000'000'000 + static_cast<std::int64_t>(sequence) * 10'000'000;
  record.utc_ns = 1'795'190'400'000'000'000 + static_cast<std::int64_t>(sequence) * 10'000'000;
  record.exposure_ns = 5'000'000;
  record.crc32c = crc32c(pixels);
  record.accumulated = 1;
  record.detectors_check = detectors_check(sums);
  seal(record);
  return record;
}

inline std::vector<double> packed_sums_of(const SegmentDescription& d, std::uint64_t sequence) {
  std::vector<double> sums;
  for (std::size_t k = 0; k < d.detectors.size(); ++k) {
    sums.push_back(static_cast<double>(sequence * 10 + k));
  }
  return sums;
}

/// Frames as the reducers hand them over, kept for one call.
class PackedBatch {
 public:
  PackedBatch(const SegmentDescription& d, std::uint64_t first, std::size_t count) {
    const auto encoder = make_encoder(d.compression, d.shape);
    for (std::uint64_t sequence = first; sequence < first + count; ++sequence) {
      auto pixels = packed_pixels_of(d.shape, sequence);
      const auto own = packed_sums_of(d, sequence);
      records_.push_back(packed_record_of(sequence, pixels, own));
      sums_.insert(sums_.end(), own.begin(), own.end());
      std::vector<std::byte> packed(pixels.size());
      const std::size_t size = encoder->encode(pixels, packed);
      packed.resize(size);
      bytes_.push_back(size > 0 ? std::move(packed) : std::move(pixels));
      frames_.push_back({bytes_.back(), size > 0});
    }
    for (std::size_t i = 0; i < frames_.size(); ++i) frames_[i].bytes = bytes_[i];
  }
  [[nodiscard]] Result<void> append_to(SegmentWriter& writer) const {
    return writer.append_packed(records_, frames_, sums_);
  }
  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const auto& frame : bytes_) sum += static_cast<std::int64_t>(frame.size());
    return sum;
  }
  [[nodiscard]] std::size_t packed() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(frames_, [](const PackedFrame& frame) { return frame.is_packed; }));
  }

 private:
  std::vector<FrameRecord> records_;
  std::vector<std::vector<std::byte>> bytes_;
  std::vector<PackedFrame> frames_;
  std::vector<double> sums_;
};

/// A directory of its own for each test, and segments of compressed frames in it.
class PackedTest : public testing::Test {
 protected:
  PackedTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "framelog-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~PackedTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::filesystem::path part() const { return directory_ / "a.h5.part"; }
  [[nodiscard]] std::filesystem::path index() const { return directory_ / "a.chunks.part"; }
  [[nodiscard]] std::filesystem::path final_path() const { return directory_ / "a.h5"; }

  /// A segment that was given its name.
  std::unique_ptr<SegmentWriter> begin(const SegmentDescription& d, FileSystem& files,
                                       const std::string& name = "a") {
    auto writer = format_.prepare(files, directory_ / ("next-" + name), d);
    if (!writer) {
      ADD_FAILURE() << describe(writer.error());
      return nullptr;
    }
    const auto activated = (*writer)->activate(directory_ / (name + ".h5.part"));
    EXPECT_TRUE(activated) << describe(activated.error());
    return std::move(*writer);
  }
  std::unique_ptr<SegmentWriter> begin(const SegmentDescription& d) { return begin(d, files_); }

  /// A segment of `frames` that a dead process has left.
  void leave(const SegmentDescription& d, std::uint64_t frames) {
    const auto writer = begin(d);
    ASSERT_TRUE(writer);
    for (std::uint64_t first = 0; first < frames; first += 7) {
      const PackedBatch batch(d, first, std::min<std::uint64_t>(7, frames - first));
      const auto appended = batch.append_to(*writer);
      ASSERT_TRUE(appended) << describe(appended.error());
    }
    ASSERT_TRUE(writer->sync());
  }

  Result<SegmentSummary> finish(FileSystem& files, std::int64_t frames) {
    SegmentEnd end;
    end.file_name = "a.h5";
    end.stop_reason = "stop";
    end.gaps = {{4, 2, 20'000'000, "capture", "ring-full"}};
    end.events = {{1'795'190'400'000'000'000, "lamp on"}};
    end.accounting.recorded = end.accounting.received = static_cast<std::uint64_t>(frames);
    end.provenance_json = R"({"run": {"uuid": "x", "stop_reason": "stop"}})";
    if (auto undone = format_.undo(files, part()); !undone) return std::unexpected(undone.error());
    auto summary = format_.finalise(files, part(), frames, end);
    if (!summary) return summary;
    if (auto done = format_.publish(files, part(), final_path()); !done) {
      return std::unexpected(done.error());
    }
    return summary;
  }

  /// All that a file of `frames` has to tell.
  void expect_frames(const std::filesystem::path& path, const SegmentDescription& d,
                     std::uint64_t frames) {
    const auto reader = format_.open(files_, path);
    ASSERT_TRUE(reader) << describe(reader.error());
    EXPECT_EQ((*reader)->shape(), d.shape);
    EXPECT_EQ((*reader)->valid(), static_cast<std::int64_t>(frames));
    const auto records = (*reader)->records(static_cast<std::int64_t>(frames));
    ASSERT_TRUE(records) << describe(records.error());
    std::vector<std::byte> pixels(size_bytes(d.shape));
    for (std::uint64_t i = 0; i < frames; ++i) {
      const auto read = (*reader)->pixels(static_cast<std::int64_t>(i), pixels);
      ASSERT_TRUE(read) << "frame " << i << ": " << describe(read.error());
      ASSERT_EQ(pixels, packed_pixels_of(d.shape, i)) << "frame " << i;
      ASSERT_EQ((*records)[i].sequence, i);
      ASSERT_TRUE(is_intact((*records)[i])) << i;
    }
    for (std::size_t k = 0; k < d.detectors.size(); ++k) {
      const auto series =
          (*reader)->detector_series(d.detectors[k].name, static_cast<std::int64_t>(frames));
      ASSERT_TRUE(series) << describe(series.error());
      for (std::uint64_t i = 0; i < frames; ++i) {
        ASSERT_EQ((*series)[i], packed_sums_of(d, i)[k]) << i;
      }
    }
  }
  [[nodiscard]] std::string tree(const std::filesystem::path& path) {
    const auto reader = format_.open(files_, path);
    return reader ? (*reader)->tree().value_or("") : "";
  }
  [[nodiscard]] std::vector<std::string> left() const {
    return files_.list(directory_).value_or(std::vector<std::string>{});
  }

  FileSystem& files_ = system_files();
  const SegmentFormat& format_ = *find_format("hdf5");
  std::filesystem::path directory_;
};

}  // namespace framelog
