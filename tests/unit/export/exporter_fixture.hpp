#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "export/exporter.hpp"
#include "formats/npy_header.hpp"
#include "memory_recording.hpp"
#include "tests/unit/store/segment_fixture.hpp"

namespace framelog {

/// Whole exports, in a directory of their own.
class ExporterTest : public SegmentTest {
 protected:
  /// Of frame `frame` at (y, x), in 8 rows of 8.
  static std::uint16_t value_of(std::uint64_t frame, std::uint64_t y, std::uint64_t x) {
    return static_cast<std::uint16_t>((frame * 977 + y * 131 + x * 17) % 4001);
  }
  static std::vector<double> values_of(std::uint64_t frames) {
    std::vector<double> values;
    for (std::uint64_t i = 0; i < frames * 64; ++i) {
      values.push_back(value_of(i / 64, i / 8 % 8, i % 8));
    }
    return values;
  }
  /// NAME.npy of uint16.
  std::filesystem::path write_npy(const std::string& name, std::uint64_t frames) {
    const auto path = directory_ / (name + ".npy");
    std::ofstream file(path, std::ios::binary);
    file << npy_header("<u2", std::vector<std::uint64_t>{frames, 8, 8});
    for (const double value : values_of(frames)) {
      const auto pixel = static_cast<std::uint16_t>(value);
      file.write(reinterpret_cast<const char*>(&pixel), sizeof pixel);
    }
    return path;
  }

  static ExportRequest request(const std::filesystem::path& input, const std::string& format,
                               const std::string& name) {
    ExportRequest request;
    request.input.paths = {input};
    request.formats = {format};
    request.name = name;
    request.export_utc_ns = 1'800'000'000'000'000'000;
    return request;
  }

  ExportReport done(const ExportRequest& request) {
    const auto report = run_export(files_, request, {});
    EXPECT_TRUE(report) << describe(report.error());
    return report.value_or(ExportReport{});
  }
  std::string refusal(const ExportRequest& request) {
    const auto preview = preview_export(files_, request);
    return preview ? "accepted" : describe(preview.error());
  }

  std::unique_ptr<framelog::Recording> open(const std::filesystem::path& path) {
    InputRequest input;
    input.paths = {path};
    auto opened = open_recording(files_, input);
    EXPECT_TRUE(opened) << describe(opened.error());
    return opened ? std::move(*opened) : nullptr;
  }
  /// All pixels of a file.
  std::vector<double> values_in(const std::filesystem::path& path) {
    std::vector<double> values;
    const auto recording = open(path);
    if (!recording) return values;
    const FrameShape& shape = recording->facts().shape;
    std::vector<std::byte> pixels(size_bytes(shape));
    for (std::uint64_t frame = 0; frame < recording->facts().frames; ++frame) {
      EXPECT_TRUE(recording->read(frame, pixels));
      const auto numbers = numbers_of(shape.type, pixels);
      values.insert(values.end(), numbers.begin(), numbers.end());
    }
    return values;
  }
};

/// Whether one of the notes has the text.
inline bool tell(const std::vector<std::string>& notes, const std::string& text) {
  return std::ranges::any_of(
      notes, [&text](const std::string& note) { return note.find(text) != std::string::npos; });
}

}  // namespace framelog
