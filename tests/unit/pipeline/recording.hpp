#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/options.hpp"
#include "pipeline/recording_plan.hpp"
#include "pipeline/session.hpp"
#include "store/recovery.hpp"
#include "store/verify.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/faulty_files.hpp"
#include "tests/fakes/scripted_source.hpp"

namespace framelog {

struct Line {
  std::string section, key, text;
};

/// The settings of a configuration with these lines.
inline Settings settings_of(const std::vector<Line>& lines) {
  Settings settings;
  for (const Line& line : lines) settings.add_section(line.section);
  for (const OptionSpec& row : recording_options()) {
    std::vector<std::string> sections{std::string(row.section)};
    if (const std::size_t at = row.section.find(".*"); at != std::string_view::npos) {
      const std::string kind(row.section.substr(0, at));
      sections.clear();
      for (const std::string& name : settings.names_of(kind)) sections.push_back(kind + "." + name);
    }
    for (const std::string& section : sections) {
      std::string text(row.default_text);
      Origin origin{.file = "default"};
      for (const Line& line : lines) {
        if (line.section == section && line.key == row.key) {
          text = line.text;
          origin = {"test", 1};
        }
      }
      if (text.empty()) continue;
      const auto value = parse_value(row, text);
      EXPECT_TRUE(value) << section << '.' << row.key << ": " << value.error();
      if (value) settings.put({section, std::string(row.key), text, *value, origin});
    }
  }
  return settings;
}

/// A session with a scripted source and a file system that can fail, in a directory of its own.
/// Everything is set up before run().
class Recording {
 public:
  explicit Recording(const FrameShape& shape = {4, 8, PixelType::kUint16})
      : source(clock, shape), base(make_directory()) {
    lines = {{"files", "base", base.string()},
             {"files", "template", "{product}_{segment:04}"},
             {"files", "sync_interval", "20 ms"},
             {"ring", "memory", "1 MiB"},
             {"ring", "overflow", "wait"},
             {"product.raw", "format", "raw"},
             {"product.raw", "max_size", "1 MiB"},
             {"product.h5", "bin", "2x2"},
             {"product.h5", "max_size", "1 MiB"},
             // Others fill the same file system.
             {"retention", "min_free", "0 B"}};
  }
  ~Recording() {
    session.reset();
    std::filesystem::remove_all(base);
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Adds a line, or replaces the one of the same key.
  void set(const std::string& section, const std::string& key, const std::string& text) {
    std::erase_if(lines, [&](const Line& l) { return l.section == section && l.key == key; });
    lines.push_back({section, key, text});
  }

  [[nodiscard]] RecordingPlan plan() {
    std::vector<Complaint> complaints;
    auto info = source.open();
    EXPECT_TRUE(info);
    RecordingPlan result =
        make_recording_plan(settings_of(lines), "bench", *info, "[source]\n", complaints);
    for (const Complaint& complaint : complaints) ADD_FAILURE() << complaint.message;
    if (slots > 0) result.ring.slots = slots;
    return result;
  }

  /// Starts; what goes wrong is in `error`.
  bool start() {
    auto started = Session::start(source, plan(), files, clock);
    if (!started) {
      error = started.error();
      return false;
    }
    session = std::move(*started);
    return true;
  }
  /// Waits for the source's end, or that of capture for another reason.
  void finish() {
    end = session->drain();
    status = session->status();
    session.reset();
  }
  void run() {
    ASSERT_TRUE(start()) << describe(error);
    finish();
  }

  [[nodiscard]] const Accounting& accounting(const std::string& product) const {
    const auto found = std::ranges::find(status.products, product, &SessionStatus::Product::name);
    EXPECT_NE(found, status.products.end());
    return found->accounting;
  }

  /// The finished files of one product, by name, each verified.
  [[nodiscard]] std::vector<VerifiedSegment> segments(const std::string& product) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(base)) {
      const auto& path = entry.path();
      const bool own = path.filename().string().find(product + "_") != std::string::npos;
      if (own && (path.extension() == ".h5" || path.extension() == ".raw")) paths.push_back(path);
    }
    std::ranges::sort(paths);
    std::vector<VerifiedSegment> result;
    for (const auto& path : paths) {
      result.push_back(verify_segment(system_files(), path));
      for (const std::string& problem : result.back().problems) {
        ADD_FAILURE() << path.filename() << ": " << problem;
      }
    }
    for (const VerifiedRun& run : join_runs(result)) {
      for (const std::string& problem : run.problems) ADD_FAILURE() << product << ": " << problem;
    }
    return result;
  }

  /// Files that no reader is meant to find: unfinished, or left in the workshop.
  [[nodiscard]] std::vector<std::string> leftovers() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(base)) {
      const std::string name = entry.path().filename().string();
      const bool state = name == "lock" || name == "runs" || entry.is_directory();
      const std::string extension = entry.path().extension().string();
      const bool finished = extension == ".h5" || extension == ".raw" || extension == ".json" ||
                            extension == ".frames";
      if (!state && !finished) names.push_back(name);
    }
    return names;
  }

  FakeClock clock;
  FaultyFiles files;
  ScriptedSource source;
  std::filesystem::path base;
  std::vector<Line> lines;
  std::uint64_t slots{};  ///< Of the ring; 0: as its memory has it.
  std::unique_ptr<Session> session;
  SessionStatus status;
  CaptureEnd end{};
  Error error;

 private:
  static std::filesystem::path make_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "framelog-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    return name;
  }
};

inline std::uint64_t dropped(const Accounting& accounting, DropReason reason) {
  return accounting.dropped[static_cast<std::size_t>(reason)];
}
inline std::uint64_t lost(const Accounting& accounting, LossReason reason) {
  return accounting.lost_at_source[static_cast<std::size_t>(reason)];
}

/// Accounting and frames of several segments, added up.
struct Total {
  std::int64_t frames{};
  std::uint64_t received{};
  std::uint64_t recorded{};
  std::uint64_t dropped{};
  std::uint64_t lost_at_source{};
};
inline Total total_of(const std::vector<VerifiedSegment>& segments) {
  Total total;
  for (const VerifiedSegment& segment : segments) {
    total.frames += segment.frames;
    total.received += segment.accounting.received;
    total.recorded += segment.accounting.recorded;
    total.dropped += segment.accounting.total_dropped();
    total.lost_at_source += segment.accounting.total_lost_at_source();
  }
  return total;
}

}  // namespace framelog
