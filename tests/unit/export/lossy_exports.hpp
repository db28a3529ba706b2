#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "exporter_fixture.hpp"
#include "store/verify.hpp"

namespace framelog {

/// Exports of recordings that have lost frames: what they tell of it, and whether they agree with
/// themselves.
class LossyExportsTest : public ExporterTest {
 protected:
  /// Frames 0 to 19 as "lossy": 2 lost at the source behind frame 8, 3 by the disk behind frame 11
  /// (numbers 12 to 14), 1 behind the last.
  std::filesystem::path lossy() {
    auto recording = start("hdf5", "lossy", 0);
    record(recording, 9);
    record(recording, 3, 2);
    record(recording, 5, 3, 3);
    recording.events.gaps = {{8, 2, -1, "source", "sequence-gap"},
                             {11, 3, -1, "write", "disk-full"},
                             {19, 1, -1, "write", "disk-full"}};
    return finish(recording);
  }
  /// Every third frame, each of 2 merged.
  std::filesystem::path thinned() {
    auto recording = start("hdf5", "thinned", 0);
    for (int i = 0; i < 6; ++i) record(recording, 1, 0, i > 0 ? 2 : 0, {}, 2);
    return finish(recording);
  }
  /// Three scans of 2 x 3 points, of which those in `lost` have no frame.
  std::filesystem::path scans(const std::string& name, const std::vector<std::uint64_t>& lost) {
    auto about = description(1);
    about.scan = Scan{2, 3, 0, 0};
    auto recording = start("hdf5", name, 0, about);
    std::uint64_t sequence = 0;
    std::uint32_t before = 0;
    for (std::uint64_t number = 0; number < 18; ++number) {
      if (std::ranges::count(lost, number) > 0) {
        ++before;
        continue;
      }
      if (before > 0) {
        recording.events.gaps.push_back(
            {static_cast<std::int64_t>(sequence) - 1, before, -1, "source", "sequence-gap"});
      }
      append(recording, number, sequence++, std::exchange(before, 0));
    }
    if (before > 0) {
      recording.events.gaps.push_back(
          {static_cast<std::int64_t>(sequence) - 1, before, -1, "source", "sequence-gap"});
    }
    return finish(recording);
  }
  static void append(Recording& recording, std::uint64_t number, std::uint64_t sequence,
                     std::uint32_t dropped) {
    FrameRecord record;
    record.sequence = sequence;
    record.source_sequence = number;
    record.monotonic_ns = 1'000'000'000 + static_cast<std::int64_t>(number) * 10'000'000;
    record.utc_ns = 1'795'190'400'000'000'000 + static_cast<std::int64_t>(number) * 10'000'000;
    record.dropped_before = dropped;
    const auto pixels = pixels_of(number);
    record.crc32c = crc32c(pixels);
    record.accumulated = 1;
    record.detectors_check = detectors_check({});
    seal(record);
    ASSERT_TRUE(recording.writer->append(std::span(&record, 1), pixels, {}));
  }
  /// Damages the record of a frame of record().
  static void tear(const std::filesystem::path& file, std::uint64_t sequence) {
    const auto time = 1'000'000'000 + static_cast<std::int64_t>(sequence) * 10'000'000;
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    const auto at = bytes.find(std::string(reinterpret_cast<const char*>(&time), sizeof time));
    ASSERT_NE(at, std::string::npos);
    flip_byte(file, static_cast<std::int64_t>(at));
  }
  /// An export of the input, by its path.
  std::filesystem::path exported(ExportRequest wanted) {
    wanted.name = fmt::format("export{}", ++exports_);
    wanted.verify = false;  // The files are read here.
    const auto report = done(wanted);
    return report.outputs.empty() ? std::filesystem::path() : report.outputs.front().path;
  }
  std::filesystem::path part(const std::filesystem::path& input, const std::string& format,
                             const std::vector<AxisCut>& cutout) {
    auto wanted = request(input, format, "");
    wanted.transform.cutout = cutout;
    return exported(wanted);
  }
  /// What `framelog verify` has against a file.
  std::vector<std::string> problems(const std::filesystem::path& path) {
    const auto verified = verify_segment(files_, path);
    auto found = verified.problems;
    found.insert(found.end(), verified.notes.begin(), verified.notes.end());
    for (const VerifiedRun& run : join_runs({verified})) {
      found.insert(found.end(), run.problems.begin(), run.problems.end());
    }
    return found;
  }
  /// Frames lost, by the gaps of a file.
  std::vector<std::int64_t> gaps(const std::filesystem::path& path) {
    std::vector<std::int64_t> frames;
    const auto recording = open(path);
    if (!recording) return frames;
    for (const GapEntry& gap : recording->facts().gaps) frames.push_back(gap.frames);
    return frames;
  }
  using Texts = std::vector<std::string>;
  using Frames = std::vector<std::int64_t>;
  int exports_{};
};

}  // namespace framelog
