#include "formats/segment.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "core/crc32c.hpp"
#include "formats/hdf5_segment.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "framelog-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { fs::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

SegmentDescription description_of(FrameShape shape, std::int64_t capacity) {
  SegmentDescription d;
  d.program_version = "0.1.0";
  d.instrument = "bench";
  d.product = "whole";
  d.detector_description = "test";
  d.shape = shape;
  d.sensor = shape;
  d.region = {0, shape.height_px, 0, shape.width_px};
  d.bin_mode = "sum";
  d.pixel_size = {{1.0, "px"}};
  d.value_unit = "counts";
  d.steps = {{"crop", {{"origin_yx", std::vector<std::int64_t>{0, 0}}}}};
  d.run_uuid = "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
  d.run_number = 1;
  d.run_start_utc_ns = 1'795'190'400'000'000'000;
  d.run_start_monotonic_ns = 1'000'000'000;
  d.provenance_json = R"({"run": {"uuid": "x"}})";
  d.capacity_frames = capacity;
  return d;
}

struct Frames {
  std::vector<std::byte> pixels;
  std::vector<FrameRecord> records;
};

Frames frames_of(FrameShape shape, std::int64_t first, std::int64_t count) {
  const std::size_t bytes = size_bytes(shape);
  Frames frames;
  frames.pixels.resize(bytes * static_cast<std::size_t>(count));
  std::mt19937_64 random(static_cast<std::uint64_t>(first));
  for (auto& byte : frames.pixels) byte = static_cast<std::byte>(random());
  for (std::int64_t i = 0; i < count; ++i) {
    FrameRecord record;
    record.sequence = static_cast<std::uint64_t>(first + i);
    record.source_sequence = record.sequence;
    record.monotonic_ns = 1'000'000'000 + (first + i) * 10'000'000;
    record.utc_ns = 1'795'190'400'000'000'000 + (first + i) * 10'000'000;
    record.exposure_ns = 5'000'000;
    record.crc32c =
        crc32c(std::span(frames.pixels).subspan(static_cast<std::size_t>(i) * bytes, bytes));
    seal(record);
    frames.records.push_back(record);
  }
  return frames;
}

/// Memory that O_DIRECT takes.
struct Aligned {
  explicit Aligned(std::span<const std::byte> bytes) : size(bytes.size()) {
    data = static_cast<std::byte*>(std::aligned_alloc(4096, (size + 4095) / 4096 * 4096));
    std::memcpy(data, bytes.data(), size);
  }
  ~Aligned() { std::free(data); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  [[nodiscard]] std::span<const std::byte> view() const { return {data, size}; }
  std::byte* data;
  std::size_t size;
};

std::int64_t allocated_bytes(const fs::path& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return status.st_blocks * 512;
}

struct Case {
  const char* format;
  FrameShape shape;
  std::int64_t capacity;
  std::int64_t frames;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.format << ' ' << to_string(c.shape) << ' ' << c.frames << " of " << c.capacity;
}

class SegmentLife : public testing::TestWithParam<Case> {};

TEST_P(SegmentLife, KeepsEveryByteFromPreparingToPublishing) {
  const Case& c = GetParam();
  const TemporaryDirectory directory;
  FileSystem& files = system_files();
  const SegmentFormat& format = *find_format(c.format);
  auto writer =
      format.prepare(files, directory.path() / "next", description_of(c.shape, c.capacity));
  ASSERT_TRUE(writer) << describe(writer.error());
  const fs::path final_path = (directory.path() / "name").string() + std::string(format.extension);
  const fs::path part = final_path.string() + ".part";
  ASSERT_TRUE((*writer)->activate(part));

  const Frames frames = frames_of(c.shape, 0, c.frames);
  const Aligned pixels(frames.pixels);
  const std::size_t bytes = size_bytes(c.shape);
  std::int64_t done = 0;
  for (std::int64_t step = 1; done < c.frames; step = step * 2 + 1) {
    const std::int64_t count = std::min(step, c.frames - done);
    const auto written = (*writer)->append(
        std::span(frames.records)
            .subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count)),
        pixels.view().subspan(static_cast<std::size_t>(done) * bytes,
                              static_cast<std::size_t>(count) * bytes),
        {});
    ASSERT_TRUE(written) << describe(written.error());
    done += count;
  }
  ASSERT_TRUE((*writer)->sync());

  const auto check = [&](const fs::path& path, bool finished) {
    auto reader = format.open(files, path);
    ASSERT_TRUE(reader) << describe(reader.error());
    EXPECT_EQ((*reader)->finished(), finished);
    EXPECT_EQ((*reader)->valid(), c.frames);
    EXPECT_EQ((*reader)->synced(), c.frames);
    EXPECT_EQ((*reader)->frames(), finished ? c.frames : c.capacity);
    EXPECT_EQ((*reader)->shape(), c.shape);
    const auto records = (*reader)->records(c.frames);
    ASSERT_TRUE(records);
    std::vector<std::byte> frame(bytes);
    for (std::int64_t i = 0; i < c.frames; ++i) {
      const auto index = static_cast<std::size_t>(i);
      EXPECT_EQ(std::memcmp(&(*records)[index], &frames.records[index], sizeof(FrameRecord)), 0);
      ASSERT_TRUE((*reader)->pixels(i, frame));
      ASSERT_EQ(std::memcmp(frame.data(), frames.pixels.data() + index * bytes, bytes), 0)
          << "frame " << i;
    }
  };
  check(part, false);

  SegmentEnd end;
  end.file_name = final_path.filename();
  end.stop_reason = "stop";
  end.gaps = {{3, 2, 20'000'000, "source", "sequence-gap"}};
  end.accounting.received = static_cast<std::uint64_t>(c.frames);
  end.accounting.recorded = end.accounting.received;
  end.provenance_json = R"({"run": {"uuid": "x", "stop_reason": "stop"}})";
  const auto summary = format.finalise(files, part, c.frames, end);
  ASSERT_TRUE(summary) << describe(summary.error());
  if (format.companions.empty()) check(part, true);
  // Pixels and what is kept per frame (a record, the time, nine columns), plus 1 MiB.
  const std::int64_t most =
      c.frames * (static_cast<std::int64_t>(bytes) + 128 + 8 + 80 + format.bytes_per_frame) +
      (1 << 20);
  EXPECT_LE(allocated_bytes(part), most);
  if (c.capacity * 136 < 1 << 20) {
    EXPECT_LE(static_cast<std::int64_t>(fs::file_size(part)), most);
  }

  // A kill in the middle of finalising: written back, it is as it was, and finalising again works.
  ASSERT_TRUE(format.undo(files, part));
  if (format.companions.empty()) check(part, false);
  ASSERT_TRUE(format.finalise(files, part, c.frames, end));
  ASSERT_TRUE(format.publish(files, part, final_path));
  check(final_path, true);
  auto reader = format.open(files, final_path);
  ASSERT_TRUE(reader);
  const auto gaps = (*reader)->gaps();
  ASSERT_TRUE(gaps);
  ASSERT_EQ(gaps->size(), 1U);
  EXPECT_EQ(gaps->front().reason, "sequence-gap");
  const auto accounting = (*reader)->accounting();
  ASSERT_TRUE(accounting && *accounting);
  EXPECT_EQ((*accounting)->recorded, end.accounting.recorded);
  EXPECT_EQ((*reader)->provenance().value().find("stop_reason") != std::string::npos, true);
  writer->reset();
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(directory.path()))
    left.push_back(entry.path().filename());
  EXPECT_EQ(left.size(), 1 + format.companions.size()) << testing::PrintToString(left);
}

INSTANTIATE_TEST_SUITE_P(Shapes, SegmentLife,
                         testing::Values(Case{"hdf5", {1024, 1024, PixelType::kUint16}, 64, 64},
                                         Case{"hdf5", {256, 256, PixelType::kUint16}, 1000, 137},
                                         Case{"hdf5", {128, 128, PixelType::kUint16}, 4000, 999},
                                         Case{"hdf5", {100, 101, PixelType::kFloat32}, 500, 77},
                                         Case{"hdf5", {1, 1024, PixelType::kUint16}, 60000, 5000},
                                         Case{"hdf5", {1, 1, PixelType::kFloat64}, 100000, 12345},
                                         Case{"hdf5", {1000, 1000, PixelType::kUint8}, 40, 1},
                                         Case{"raw", {128, 128, PixelType::kUint16}, 400, 99},
                                         Case{"raw", {7, 13, PixelType::kUint8}, 400, 399},
                                         Case{"tiff", {128, 128, PixelType::kUint16}, 400, 99},
                                         Case{"tiff", {7, 13, PixelType::kUint8}, 400, 399},
                                         Case{"tiff", {1, 1, PixelType::kFloat64}, 9000, 8999},
                                         Case{"tiff", {1, 1024, PixelType::kUint16}, 60000, 5000},
                                         Case{"tiff", {64, 64, PixelType::kInt32}, 1, 1},
                                         Case{"imagej-tiff", {64, 64, PixelType::kInt16}, 9, 9},
                                         Case{"imagej-tiff", {9, 7, PixelType::kFloat32}, 9, 2}));

}  // namespace
}  // namespace framelog
