#include "formats/tiff_segment.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "core/crc32c.hpp"
#include "formats/tiff_frames.hpp"
#include "formats/tiff_layout.hpp"
#include "test_data.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

SegmentDescription description_of(FrameShape shape, std::int64_t capacity) {
  SegmentDescription d;
  d.program_version = "0.1.0";
  d.instrument = "bench";
  d.product = "whole";
  d.channel = "Kanal <1> & \"2\"";
  d.operator_name = "ÄÖ";
  d.detector_model = "Kamera";
  d.shape = d.sensor = shape;
  d.region = {0, shape.height_px, 0, shape.width_px};
  d.bin = {2, 4};
  d.bin_mode = "sum";
  d.pixel_size = {{0.5, "um"}, {250.0, "nm"}};
  d.run_uuid = "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
  d.run_start_utc_ns = 1'795'190'400'000'000'000;
  d.provenance_json = R"({"run": {"uuid": "x"}})";
  d.capacity_frames = capacity;
  return d;
}

/// Counts, which compress, and every fifth frame noise, which does not.
std::vector<std::byte> pixels_of(const FrameShape& shape, std::uint64_t sequence) {
  std::mt19937_64 random(sequence);
  std::vector<std::byte> pixels(size_bytes(shape));
  for (auto& byte : pixels) {
    byte = static_cast<std::byte>(sequence % 5 == 4 ? random() : (random() >> 7U) % 3);
  }
  return pixels;
}

FrameRecord record_of(std::uint64_t sequence, std::span<const std::byte> pixels) {
  FrameRecord record;
  record.sequence = record.source_sequence = sequence;
  record.monotonic_ns = 1'000'000'000 + static_cast<std::int64_t>(sequence) * 10'000'000;
  record.utc_ns = 1'795'190'400'000'000'000 + static_cast<std::int64_t>(sequence) * 10'000'000;
  record.exposure_ns = 5'000'000;
  record.min = 1;
  record.max = 99;
  record.crc32c = crc32c(pixels);
  seal(record);
  return record;
}

class TiffSegmentTest : public testing::Test, public testing::WithParamInterface<const char*> {
 protected:
  TiffSegmentTest() {
    std::string name = (fs::temp_directory_path() / "framelog-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~TiffSegmentTest() override { fs::remove_all(directory_); }

  void start(const SegmentDescription& description, const std::string& format = "tiff") {
    description_ = description;
    format_ = find_format(format);
    auto writer = format_->prepare(files_, directory_ / "next", description);
    ASSERT_TRUE(writer) << describe(writer.error());
    writer_ = std::move(*writer);
    part_ = directory_ / ("name" + std::string(format_->extension) + ".part");
    ASSERT_TRUE(writer_->activate(part_));
  }

  /// Appends a batch, packed where the description says so.
  void record(std::size_t count) {
    const FrameShape shape = description_.shape;
    const auto encoder = make_encoder(description_.compression, shape);
    std::vector<FrameRecord> records;
    std::vector<std::byte> all;
    std::vector<std::vector<std::byte>> packed;
    std::vector<PackedFrame> frames;
    for (std::size_t i = 0; i < count; ++i) {
      const auto pixels = pixels_of(shape, next_);
      records.push_back(record_of(next_++, pixels));
      all.insert(all.end(), pixels.begin(), pixels.end());
      packed.push_back(pixels);
      const std::size_t bytes = encoder ? encoder->encode(pixels, packed.back()) : 0;
      if (bytes == 0) packed.back() = pixels;
      if (bytes > 0) packed.back().resize(bytes);
      is_packed_.push_back(bytes > 0);
    }
    for (std::size_t i = 0; i < count; ++i) {
      frames.push_back({packed[i], is_packed_[is_packed_.size() - count + i]});
    }
    const auto written =
        encoder ? writer_->append_packed(records, frames, {}) : writer_->append(records, all, {});
    ASSERT_TRUE(written) << describe(written.error());
  }

  /// What another program finds: every frame with its pixels.
  void expect_directories(const fs::path& path, std::uint64_t frames) {
    const auto stored = open_tiff(files_, path);
    ASSERT_TRUE(stored) << describe(stored.error());
    ASSERT_EQ((*stored)->facts().frames, frames);
    for (std::uint64_t i = 0; i < frames; ++i) expect_frame(**stored, i);
  }
  void expect_frame(StoredFrames& stored, std::uint64_t index) {
    const auto wanted = pixels_of(description_.shape, index);
    const std::string got = frame_bytes(stored, index);
    ASSERT_EQ(got.size(), wanted.size()) << "frame " << index;
    EXPECT_EQ(std::memcmp(got.data(), wanted.data(), wanted.size()), 0) << "frame " << index;
  }
  void expect_frames(const fs::path& path, std::int64_t frames) {
    const auto reader = format_->open(files_, path);
    ASSERT_TRUE(reader) << describe(reader.error());
    const auto records = (*reader)->records(frames);
    ASSERT_TRUE(records);
    std::vector<std::byte> pixels(size_bytes(description_.shape));
    for (std::int64_t i = 0; i < frames; ++i) {
      const auto read = (*reader)->pixels(i, pixels);
      ASSERT_TRUE(read) << describe(read.error());
      EXPECT_EQ(crc32c(pixels), (*records)[static_cast<std::size_t>(i)].crc32c);
    }
  }

  [[nodiscard]] static SegmentEnd end_of(std::int64_t frames) {
    SegmentEnd end;
    end.file_name = "name.ome.tif";
    end.stop_reason = "stop";
    end.accounting.received = end.accounting.recorded = static_cast<std::uint64_t>(frames);
    end.provenance_json = R"({"run": {"uuid": "x", "stop_reason": "stop"}})";
    return end;
  }
  fs::path finish(std::int64_t frames) {
    const auto done = format_->finalise(files_, part_, frames, end_of(frames));
    EXPECT_TRUE(done) << describe(done.error());
    const fs::path final_path = part_.parent_path() / part_.stem();
    EXPECT_TRUE(format_->publish(files_, part_, final_path));
    EXPECT_TRUE(!done || std::cmp_equal(fs::file_size(final_path), done->bytes));
    return final_path;
  }

  FileSystem& files_ = system_files();
  fs::path directory_;
  SegmentDescription description_;
  const SegmentFormat* format_{};
  std::unique_ptr<SegmentWriter> writer_;
  fs::path part_;
  std::uint64_t next_{};
  std::vector<bool> is_packed_;
};

TEST_P(TiffSegmentTest, IsATiffOfItsWholeFramesAtEveryMoment) {
  SegmentDescription description = description_of({40, 64, PixelType::kUint16}, 400);
  description.compression = *parse_compression(GetParam());
  start(description);
  std::uint64_t frames = 0;
  for (const std::size_t batch : {1U, 1U, 7U, 300U}) {
    record(batch);
    frames += batch;
    expect_directories(part_, frames);
    expect_frames(part_, static_cast<std::int64_t>(frames));
  }
  if (description.compression.codec != Codec::kNone) {
    EXPECT_NE(std::ranges::count(is_packed_, true), 0);
    EXPECT_NE(std::ranges::count(is_packed_, false), 0);
  }
  writer_.reset();
  const fs::path path = finish(static_cast<std::int64_t>(frames));
  expect_directories(path, frames);
  expect_frames(path, static_cast<std::int64_t>(frames));
}

TEST_P(TiffSegmentTest, GoesOnBehindADeadProcess) {
  SegmentDescription description = description_of({16, 16, PixelType::kInt32}, 50);
  description.compression = *parse_compression(GetParam());
  start(description);
  record(3);
  record(4);
  writer_.reset();
  auto resumed = format_->resume(files_, part_, description);
  ASSERT_TRUE(resumed) << describe(resumed.error());
  EXPECT_EQ(resumed->first.sequence, 0U);
  EXPECT_EQ(resumed->last.sequence, 6U);
  writer_ = std::move(resumed->writer);
  record(5);
  expect_directories(part_, 12);
  writer_.reset();
  expect_directories(finish(12), 12);
}

TEST_P(TiffSegmentTest, KeepsOnlyTheFramesThatAreTrusted) {
  SegmentDescription description = description_of({16, 16, PixelType::kUint8}, 50);
  description.compression = *parse_compression(GetParam());
  start(description);
  record(40);
  writer_.reset();
  // Done twice, as after a kill in the middle of the first time.
  ASSERT_TRUE(format_->finalise(files_, part_, 11, end_of(11)));
  ASSERT_TRUE(format_->undo(files_, part_));
  EXPECT_EQ((*format_->open(files_, part_))->valid(), 40);
  expect_directories(finish(11), 11);
}

TEST_P(TiffSegmentTest, AWriteThatFailsLeavesTheFramesBeforeIt) {
  FaultyFiles faulty;
  SegmentDescription description = description_of({60, 64, PixelType::kUint16}, 50);
  description.compression = *parse_compression(GetParam());
  description_ = description;
  format_ = find_format("tiff");
  auto writer = format_->prepare(faulty, directory_ / "next", description);
  ASSERT_TRUE(writer) << describe(writer.error());
  writer_ = std::move(*writer);
  part_ = directory_ / "name.ome.tif.part";
  ASSERT_TRUE(writer_->activate(part_));
  record(3);
  const auto pixels = pixels_of(description.shape, next_);
  const FrameRecord record_after = record_of(next_, pixels);
  const PackedFrame frame{pixels, false};
  const auto append = [&] {
    return description.compression.codec == Codec::kNone
               ? writer_->append(std::span(&record_after, 1), pixels, {})
               : writer_->append_packed(std::span(&record_after, 1), std::span(&frame, 1), {});
  };
  // Pixels, directory, record, count; the links behind them are for others.
  const int writes = description.compression.codec == Codec::kNone ? 3 : 4;
  for (int write = 1; write <= writes; ++write) {
    faulty.add({.call = Call::kWrite, .first = write, .system_errno = ENOSPC, .torn = true});
    EXPECT_EQ(append().error().code, ErrorCode::kNoSpace) << write;
    faulty.heal();
    EXPECT_EQ(writer_->frames(), 3);
    expect_directories(part_, 3);
  }
  EXPECT_TRUE(append());
  is_packed_.push_back(false);
  ++next_;
  record(2);
  writer_.reset();
  expect_directories(finish(6), 6);
}

TEST_P(TiffSegmentTest, FinishingThatFailsAnywhereIsRepeated) {
  SegmentDescription description = description_of({16, 16, PixelType::kUint16}, 5000);
  description.compression = *parse_compression(GetParam());
  start(description);
  record(9);
  writer_.reset();
  for (const Call call : {Call::kOpen, Call::kRead, Call::kWrite, Call::kResize, Call::kSync}) {
    bool failed = true;
    for (int first = 1; failed; ++first) {
      FaultyFiles faulty;
      faulty.add({.call = call, .first = first, .count = kForEver, .torn = true});
      const auto done = format_->finalise(faulty, part_, 9, end_of(9));
      failed = faulty.failed() > 0;
      EXPECT_EQ(done.has_value(), !failed);
      ASSERT_TRUE(format_->undo(files_, part_));
      expect_directories(part_, 9);
      expect_frames(part_, 9);
    }
  }
  expect_directories(finish(9), 9);
}

INSTANTIATE_TEST_SUITE_P(Codecs, TiffSegmentTest,
                         testing::Values("none", "deflate", "lzw", "zstd"));

TEST_F(TiffSegmentTest, ALinkThatWasLostIsSetWhenItIsFinished) {
  start(description_of({8, 8, PixelType::kUint8}, 20));
  record(4);
  record(4);
  writer_.reset();
  const auto fd = files_.open(part_, O_RDWR);
  const auto layout = tiff::read_layout(files_, fd->get(), part_);
  ASSERT_TRUE(layout);
  const std::array<std::byte, 4> nowhere{};
  ASSERT_TRUE(files_.write_at(fd->get(), nowhere, layout->link_of(2)));
  expect_directories(part_, 3);
  expect_directories(finish(8), 8);
}

TEST_F(TiffSegmentTest, FinishingThatHasBegunIsNotGoneOnWith) {
  const auto description = description_of({8, 8, PixelType::kUint8}, 20);
  start(description);
  record(4);
  writer_.reset();
  ASSERT_TRUE(format_->finalise(files_, part_, 4, end_of(4)));
  EXPECT_EQ(format_->resume(files_, part_, description).error().code, ErrorCode::kInvalid);
}

TEST_F(TiffSegmentTest, IsNotGoneOnWithForOtherFrames) {
  auto description = description_of({8, 8, PixelType::kUint8}, 20);
  start(description);
  record(4);
  EXPECT_EQ(format_->resume(files_, part_, description).error().code, ErrorCode::kBusy);
  writer_.reset();
  description.compression = *parse_compression("lzw");
  EXPECT_EQ(format_->resume(files_, part_, description).error().code, ErrorCode::kLayout);
}

TEST_F(TiffSegmentTest, ADamagedHeadIsFoundOut) {
  start(description_of({8, 8, PixelType::kUint8}, 20));
  record(4);
  writer_.reset();
  std::string whole = read_whole(finish(4));
  const auto broken_at = [&](std::size_t at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    std::ofstream(directory_ / "broken.ome.tif", std::ios::binary) << bytes;
    const auto reader = format_->open(files_, directory_ / "broken.ome.tif");
    return reader ? std::string() : describe(reader.error());
  };
  for (std::size_t at = 0; at < tiff::kBlockAt + offsetof(tiff::Block, valid); ++at) {
    const bool unused = at >= 8 && at < 16;  // Of a BigTIFF's header.
    EXPECT_EQ(broken_at(at).empty(), unused) << at;
  }
}

TEST_F(TiffSegmentTest, IsABigTiffWhereOffsetsOf32BitsDoNotReach) {
  const FrameShape shape{1024, 1024, PixelType::kUint16};
  const auto small = tiff::make_layout(tiff::Kind::kOme, description_of(shape, 1900), 4000);
  const auto large = tiff::make_layout(tiff::Kind::kOme, description_of(shape, 2048), 4000);
  ASSERT_TRUE(small && large);
  EXPECT_FALSE(small->big());
  EXPECT_TRUE(large->big());
  const auto imagej = tiff::make_layout(tiff::Kind::kImageJ, description_of(shape, 2048), 4000);
  EXPECT_EQ(imagej.error().code, ErrorCode::kUnsupported);
}

TEST_F(TiffSegmentTest, PixelsThatOmeHasNotAreRefused) {
  const FrameShape shape{8, 8, PixelType::kUint64};
  EXPECT_EQ(format_of("a.tif.part")->name, "imagej-tiff");
  EXPECT_EQ(format_of("a.ome.tif")->name, "tiff");
  EXPECT_EQ(check_format(*find_format("tiff"), shape).error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(check_format(*find_format("raw"), shape));
  const auto writer =
      find_format("imagej-tiff")->prepare(files_, directory_ / "x", description_of(shape, 4));
  EXPECT_EQ(writer.error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(TiffSegmentTest, TellsTheTimesThatAReplayReads) {
  start(description_of({8, 8, PixelType::kUint16}, 20));
  record(4);
  writer_.reset();
  const auto stored = open_tiff(files_, finish(4));
  ASSERT_TRUE(stored);
  EXPECT_TRUE((*stored)->facts().has_times);
  const auto info = (*stored)->info(3);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->info.monotonic_ns, 30'000'000);
  EXPECT_EQ(info->info.exposure_ns, 5'000'000);
  const auto& settings = (*stored)->facts().settings;
  const auto has = [&](const std::string& name, const std::string& value) {
    return std::ranges::find(settings, std::pair(name, value)) != settings.end();
  };
  EXPECT_TRUE(has("Channel Name", "Kanal <1> & \"2\""));
  EXPECT_TRUE(has("Pixels PhysicalSizeY", "1 µm"));
  EXPECT_TRUE(has("Pixels PhysicalSizeX", "1 µm"));
  EXPECT_TRUE(has("Pixels TimeIncrement", "0.010000000 s"));
  EXPECT_TRUE(has("DateTime", "2026:11:20 16:00:00"));
}

}  // namespace
}  // namespace framelog
