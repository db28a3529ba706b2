#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "config/configuration.hpp"
#include "config/report.hpp"
#include "drivers/drivers.hpp"
#include "free_source.hpp"
#include "pipeline/options.hpp"
#include "pipeline/session.hpp"
#include "processor_time.hpp"
#include "scratch.hpp"
#include "store/verify.hpp"

namespace framelog::bench {

/// The plan of a default configuration with a few values of its own ("roll.max_frames=32"), for a
/// source that is no driver of the daemon.
inline RecordingPlan make_plan(const std::filesystem::path& base, const SourceInfo& source,
                               std::vector<std::string> values) {
  const std::filesystem::path file = base / "bench.conf";
  std::ofstream(file) << "[source]\ndriver = simulator\n";
  values.push_back("files.base=" + (base / "data").string());
  std::vector<std::span<const OptionSpec>> tables{recording_options()};
  for (const Driver& driver : drivers()) tables.push_back(driver.options);
  const Configuration configuration = load_configuration(file, values, tables);
  for (const std::string& error : configuration.errors) give_up(error);
  std::vector<Complaint> complaints;
  RecordingPlan plan = make_recording_plan(configuration.settings, configuration.instrument, source,
                                           effective_text(configuration.settings), complaints);
  for (const Complaint& complaint : complaints) {
    give_up(complaint.section + "." + complaint.key + ": " + complaint.message);
  }
  return plan;
}

/// What a recording did, and what its files say.
struct Recording {
  SessionStatus status;
  std::uint64_t verified_frames{};
  std::vector<std::string> problems;
  double cpu_s{};  ///< Of the process when the last segment was finished.
};

/// Reads all files of a recording back.
inline void verify(const std::filesystem::path& base, Recording& recording) {
  std::vector<VerifiedSegment> segments;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(base)) {
    if (entry.path().extension() != ".h5") continue;
    segments.push_back(verify_segment(system_files(), entry.path()));
    for (const std::string& problem : segments.back().problems) {
      recording.problems.push_back(entry.path().filename().string() + ": " + problem);
    }
    recording.verified_frames += static_cast<std::uint64_t>(segments.back().frames);
  }
  for (const VerifiedRun& run : join_runs(segments)) {
    recording.problems.insert(recording.problems.end(), run.problems.begin(), run.problems.end());
  }
}

/// Records all frames of a source into a directory of its own and verifies the files. `watch` is
/// called every 20 ms until every frame is recorded or dropped.
inline Recording record(const std::filesystem::path& parent, FreeSource& source,
                        std::vector<std::string> values,
                        const std::function<void(const SessionStatus&)>& watch) {
  const Scratch scratch(parent);
  const SourceInfo info = must(source.open());
  auto session = must(Session::start(source, make_plan(scratch.path(), info, std::move(values)),
                                     system_files(), system_clock()));
  for (bool last = false; !last;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const bool ended = session->capture_ended();
    const SessionStatus status = session->status();
    watch(status);
    last = ended && status.products.front().accounting.in_flight() == 0;
  }
  static_cast<void>(session->drain());
  Recording recording{session->status(), 0, {}, process_cpu_s()};
  session.reset();
  verify(scratch.path() / "data", recording);
  return recording;
}

}  // namespace framelog::bench
