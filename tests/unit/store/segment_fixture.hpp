#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/crc32c.hpp"
#include "formats/segment.hpp"
#include "store/event_log.hpp"
#include "store/finish.hpp"
#include "store/provenance.hpp"

namespace framelog {

/// A directory of its own for each test, in which real segments are made as the daemon makes them.
class SegmentTest : public testing::Test {
 protected:
  SegmentTest() {
    std::string name = (std::filesystem::temp_directory_path() / "framelog-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~SegmentTest() override { std::filesystem::remove_all(directory_); }

  static SegmentDescription description(std::int64_t number) {
    SegmentDescription d;
    d.program_version = "0.1.0";
    d.instrument = "bench";
    d.product = "whole";
    d.shape = d.sensor = {8, 16, PixelType::kUint16};
    d.region = {0, 8, 0, 16};
    d.bin_mode = "sum";
    d.pixel_size = {{1.0, "px"}};
    d.value_unit = "counts";
    d.steps = {{"crop", {{"origin_yx", std::vector<std::int64_t>{0, 0}}}}};
    d.run_uuid = "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
    d.run_number = 1;
    d.run_start_utc_ns = 1'795'190'400'000'000'000;
    d.run_start_monotonic_ns = 1'000'000'000;
    d.segment_number = number;
    d.capacity_frames = 100;
    d.provenance_json = provenance_of(d);
    return d;
  }
  static std::string provenance_of(const SegmentDescription& d) {
    RunFacts run;
    run.driver = "simulator";
    return start_provenance(run, d);
  }

  /// A segment as a recording process holds it: `frames` frames, the first with number `first`.
  struct Recording {
    const SegmentFormat* format{};
    std::unique_ptr<SegmentWriter> writer;
    std::filesystem::path part;
    std::uint64_t next{};
    SegmentEvents events;
    Compression compression;
  };

  Recording start(const std::string& format_name, const std::string& name, std::uint64_t first,
                  std::int64_t number = 1) {
    return start(format_name, name, first, description(number));
  }
  /// The format is that of a row, or "hdf5 gzip".
  Recording start(const std::string& format_name, const std::string& name, std::uint64_t first,
                  SegmentDescription description) {
    auto recording = prepare(
        format_name, directory_ / ("next-" + std::filesystem::path(name).filename().string()),
        std::move(description));
    recording.next = first;
    recording.part = directory_ / (name + std::string(recording.format->extension) + ".part");
    EXPECT_TRUE(recording.writer->activate(recording.part));
    return recording;
  }
  Recording prepare(const std::string& format_name, const std::filesystem::path& stem,
                    SegmentDescription description) {
    Recording recording;
    recording.format = find_format(format_name.substr(0, format_name.find(' ')));
    if (format_name.ends_with(" gzip")) {
      description.compression = recording.compression = {Codec::kGzip, 4};
      description.capacity_bytes =
          description.capacity_frames * static_cast<std::int64_t>(size_bytes(description.shape));
    }
    auto writer = recording.format->prepare(files_, stem, description);
    EXPECT_TRUE(writer) << describe(writer.error());
    recording.writer = std::move(*writer);
    return recording;
  }

  static std::vector<std::byte> pixels_of(std::uint64_t sequence) {
    std::vector<std::byte> pixels(size_bytes(FrameShape{8, 16, PixelType::kUint16}));
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      pixels[i] = static_cast<std::byte>((sequence * 31 + i) & 0xFFU);
    }
    return pixels;
  }

  /// Records frames; the first of them has lost `dropped` frames before it, of which `jump` had a
  /// sequence number. `sums` are those of all detectors, the same for each frame, `accumulated` the
  /// source frames in each of them.
  static void record(Recording& recording, std::int64_t count, std::uint32_t dropped = 0,
                     std::uint64_t jump = 0, const std::vector<double>& sums = {},
                     std::uint16_t accumulated = 1) {
    recording.next += jump;
    for (std::int64_t i = 0; i < count; ++i) {
      FrameRecord record;
      record.sequence = record.source_sequence = recording.next++;
      record.monotonic_ns = 1'000'000'000 + static_cast<std::int64_t>(record.sequence) * 10'000'000;
      record.utc_ns =
          1'795'190'400'000'000'000 + static_cast<std::int64_t>(record.sequence) * 10'000'000;
      record.dropped_before = i == 0 ? dropped : 0;
      const auto pixels = pixels_of(record.sequence);
      record.crc32c = crc32c(pixels);
      record.accumulated = accumulated;
      record.detectors_check = detectors_check(sums);
      seal(record);
      if (recording.compression.codec != Codec::kNone) {
        append_packed(recording, record, pixels, sums);
      } else {
        ASSERT_TRUE(recording.writer->append(std::span(&record, 1), pixels, sums));
      }
    }
  }

  /// Frames as they are, which place_of() finds.
  static void append_packed(Recording& recording, const FrameRecord& record,
                            std::span<const std::byte> pixels, const std::vector<double>& sums) {
    const PackedFrame frame{pixels, false};
    ASSERT_TRUE(recording.writer->append_packed(std::span(&record, 1), std::span(&frame, 1), sums));
  }

  /// Ends it as the daemon would, with the accounting that its gaps give.
  std::filesystem::path finish(Recording& recording, const std::string& reason = "stop") {
    Accounting accounting;
    accounting.recorded = static_cast<std::uint64_t>(recording.writer->frames());
    for (const GapEntry& gap : recording.events.gaps) {
      for (std::size_t i = 0; i < kDropReasons; ++i) {
        if (name_of(static_cast<DropReason>(i)) == gap.reason) {
          accounting.dropped[i] += static_cast<std::uint64_t>(gap.frames);
        }
      }
      if (gap.reason == "sequence-gap") {
        accounting.lost_at_source[0] += static_cast<std::uint64_t>(gap.frames);
      }
    }
    accounting.received = accounting.recorded + accounting.total_dropped();
    recording.writer->close_pixels();
    const auto finished = finish_part(
        files_, *recording.format,
        {recording.part, recording.writer->frames(), reason, recording.events, accounting, {}});
    recording.writer.reset();
    EXPECT_TRUE(finished) << describe(finished.error());
    return finished ? finished->path : std::filesystem::path();
  }

  /// The process dies: its locks go, its files stay.
  static void kill(Recording& recording) { recording.writer.reset(); }
  static void kill(Recording&& recording) { kill(recording); }

  static void flip_byte(const std::filesystem::path& file, std::int64_t offset) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(offset);
    const char byte = static_cast<char>(stream.get());
    stream.seekp(offset);
    stream.put(static_cast<char>(byte ^ 0x10));
  }

  /// Where the pixels of a frame lie in a file, found by their values.
  static std::int64_t place_of(const std::filesystem::path& file, std::uint64_t sequence) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    const auto pixels = pixels_of(sequence);
    const auto at =
        bytes.find(std::string_view(reinterpret_cast<const char*>(pixels.data()), pixels.size()));
    EXPECT_NE(at, std::string::npos);
    return static_cast<std::int64_t>(at);
  }

  [[nodiscard]] std::vector<std::string> left() const {
    return files_.list(directory_).value_or(std::vector<std::string>{});
  }

  FileSystem& files_ = system_files();
  std::filesystem::path directory_;
};

}  // namespace framelog
