#include "command/verify_command.hpp"

#include <fmt/format.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "command/accounting_text.hpp"
#include "command/catalog_settings.hpp"
#include "command/find_segments.hpp"
#include "command/instrument.hpp"
#include "command/output.hpp"
#include "core/text.hpp"
#include "store/verify.hpp"
#include "store/verify_deep.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

/// What one call of verify has found.
struct Findings {
  std::vector<VerifiedSegment> segments;
  std::vector<FoundSegment> recording;
  std::vector<FoundSegment> dead;  ///< Unfinished, or in quarantine.
  std::vector<std::pair<std::filesystem::path, Error>> failed;
  std::vector<VerifiedRun> runs;

  [[nodiscard]] bool good() const {
    for (const VerifiedSegment& segment : segments) {
      if (!segment.problems.empty()) return false;
    }
    for (const VerifiedRun& run : runs) {
      if (!run.problems.empty()) return false;
    }
    return dead.empty() && failed.empty();
  }
};

std::string hint_for(const FoundSegment& part) {
  return part.state == SegmentState::kQuarantined
             ? "in quarantine: the .why beside it says what recovery did not understand"
             : "not finished by a process that died (framelog recover finishes it)";
}

/// Each segment once, however often it was named.
std::vector<FoundSegment> find_all(const std::vector<std::string>& operands, Findings& findings) {
  std::vector<FoundSegment> all;
  std::set<std::filesystem::path> known;
  for (const std::string& where : operands) {
    FoundSegments found = find_segments(system_files(), where);
    if (found.segments.empty() && found.failed.empty()) {
      found.failed.emplace_back(where,
                                Error{ErrorCode::kNotFound, 0, "no segment of framelog in", where});
    }
    for (FoundSegment& segment : found.segments) {
      std::error_code error;
      if (known.insert(std::filesystem::canonical(segment.path, error)).second) {
        all.push_back(std::move(segment));
      }
    }
    findings.failed.insert(findings.failed.end(), found.failed.begin(), found.failed.end());
  }
  return all;
}

void print(const VerifiedSegment& segment) {
  const std::string path = one_line(segment.path.string());
  if (segment.problems.empty()) {
    std::cout << fmt::format("{}: ok, {}\n", path, counted(segment.frames, "frame"));
  }
  for (const std::string& note : segment.notes) {
    std::cout << fmt::format("{}: note: {}\n", path, one_line(note));
  }
  for (const std::string& problem : segment.problems) {
    std::cout << fmt::format("{}: {}\n", path, one_line(problem));
  }
  if (segment.more_problems > 0) {
    std::cout << fmt::format("{}: and {} more\n", path, counted(segment.more_problems, "problem"));
  }
}

/// Of the instrument that -i or --config choose; none where neither does.
std::expected<std::optional<Catalog>, ControlFailure> catalog_of(const CommandLine& line) {
  if (!line.deep || line.config.empty()) return std::nullopt;
  const auto settings = find_catalog(line);
  if (!settings) return std::unexpected(settings.error());
  auto catalog = Catalog::open(system_files(), settings->file, Catalog::Mode::kRead);
  if (catalog) return std::move(*catalog);
  return std::unexpected(
      ControlFailure{exit_status_of(catalog.error()), {"framelog: " + describe(catalog.error())}});
}

VerifiedSegment verify(const FoundSegment& found, const CommandLine& line, const Catalog* catalog,
                       ProgressLine& progress) {
  const VerifyProgress told = [&](std::int64_t done) { progress.advance(done); };
  VerifiedSegment segment = verify_segment(system_files(), found.path, told);
  if (line.deep && !verify_deeply(system_files(), catalog, segment, told)) {
    segment.notes.emplace_back("there is no SHA-256 to compare");
  }
  return segment;
}

Findings verify_all(const CommandLine& line, const Catalog* catalog) {
  Findings findings;
  const auto all = find_all(line.operands, findings);
  std::int64_t bytes = 0;
  for (const FoundSegment& segment : all) {
    if (segment.state == SegmentState::kFinished) bytes += segment.bytes;
  }
  ProgressLine progress(line.deep ? 2 * bytes : bytes);
  for (const FoundSegment& segment : all) {
    if (segment.state == SegmentState::kRecording) {
      findings.recording.push_back(segment);
    } else if (segment.state != SegmentState::kFinished) {
      findings.dead.push_back(segment);
    } else {
      findings.segments.push_back(verify(segment, line, catalog, progress));
      progress.clear();
      if (!line.json) print(findings.segments.back());
    }
  }
  findings.runs = join_runs(findings.segments);
  return findings;
}

void print_run(const VerifiedRun& run) {
  const std::string name =
      one_line(fmt::format("{}/{} run {}", run.instrument, run.product, run.run_number));
  std::cout << fmt::format("{}: {}\n", name, accounting_text(run.accounting));
  for (const std::string& note : run.notes) {
    std::cout << fmt::format("{}: note: {}\n", name, one_line(note));
  }
  for (const std::string& problem : run.problems) {
    std::cout << fmt::format("{}: {}\n", name, one_line(problem));
  }
}

std::string verdict(const Findings& findings) {
  std::int64_t frames = 0;
  std::int64_t segments = 0;
  std::set<std::string> runs;
  for (const VerifiedRun& run : findings.runs) {
    frames += run.frames;
    segments += run.segments;
    runs.insert(run.run_uuid);
  }
  const std::string what =
      fmt::format("{} in {} of {}", counted(frames, "frame"), counted(segments, "segment"),
                  counted(static_cast<std::int64_t>(runs.size()), "run"));
  if (findings.good() && segments == 0 && !findings.recording.empty()) {
    return fmt::format("{} being recorded, nothing else to verify",
                       counted(static_cast<std::int64_t>(findings.recording.size()), "segment"));
  }
  const auto crashes = std::ranges::count_if(findings.runs, &VerifiedRun::ended_by_crash);
  const std::string_view but =
      crashes > 0 ? ", but for those in the ring when a process died (their number is not known)"
                  : "";
  if (findings.good()) return fmt::format("{}, all frames are accounted for{}", what, but);
  std::int64_t damaged = 0;
  for (const VerifiedSegment& segment : findings.segments) damaged += !segment.problems.empty();
  std::int64_t incomplete = 0;
  for (const VerifiedRun& run : findings.runs) incomplete += !run.problems.empty();
  const auto dead = static_cast<std::int64_t>(findings.dead.size());
  const auto failed = static_cast<std::int64_t>(findings.failed.size());
  std::string text = what + ": NOT all is well:";
  auto add = [&, first = true](std::int64_t count, const std::string& words) mutable {
    if (count == 0) return;
    text += (first ? " " : ", ") + words;
    first = false;
  };
  add(damaged, counted(damaged, "segment") + " with problems");
  add(incomplete, counted(incomplete, "run") + " with missing or doubled frames");
  add(dead, counted(dead, "unfinished segment"));
  add(failed, counted(failed, "path") + " without a segment, or not readable");
  return text;
}

void print_rest(const Findings& findings) {
  for (const FoundSegment& part : findings.recording) {
    std::cout << one_line(part.path.string()) << ": being recorded\n";
  }
  for (const FoundSegment& part : findings.dead) {
    std::cout << one_line(part.path.string()) << ": " << hint_for(part) << '\n';
  }
  for (const VerifiedRun& run : findings.runs) print_run(run);
  std::cout << std::flush;
  for (const auto& [path, error] : findings.failed) {
    std::cerr << "framelog: " << one_line(describe(error)) << '\n';
  }
  std::cout << verdict(findings) << '\n';
}

Json json_of(const VerifiedSegment& segment) {
  return {{"path", segment.path.string()},
          {"ok", segment.problems.empty()},
          {"problems", segment.problems},
          {"more_problems", segment.more_problems},
          {"notes", segment.notes},
          {"frames", segment.frames},
          {"bytes", segment.bytes},
          {"first_sequence", segment.first_sequence},
          {"last_sequence", segment.last_sequence}};
}

Json json_of(const Findings& findings) {
  Json json{{"ok", findings.good()}, {"verdict", verdict(findings)}};
  json["segments"] = Json::array();
  for (const VerifiedSegment& segment : findings.segments) {
    json["segments"].push_back(json_of(segment));
  }
  json["runs"] = Json::array();
  for (const VerifiedRun& run : findings.runs) {
    Json accounting = Json::object();
    for (const auto& [name, count] : accounting_values(run.accounting)) accounting[name] = count;
    json["runs"].push_back({{"uuid", run.run_uuid},
                            {"instrument", run.instrument},
                            {"product", run.product},
                            {"run", run.run_number},
                            {"segments", run.segments},
                            {"frames", run.frames},
                            {"accounting", accounting},
                            {"problems", run.problems},
                            {"notes", run.notes}});
  }
  json["being_recorded"] = Json::array();
  for (const FoundSegment& part : findings.recording) {
    json["being_recorded"].push_back(part.path.string());
  }
  json["unfinished"] = Json::array();
  for (const FoundSegment& part : findings.dead) {
    json["unfinished"].push_back({{"path", part.path.string()}, {"hint", hint_for(part)}});
  }
  json["failed"] = Json::array();
  for (const auto& [path, error] : findings.failed) {
    json["failed"].push_back({{"path", path.string()}, {"error", describe(error)}});
  }
  return json;
}

}  // namespace

int verify_command(const CommandLine& line) {
  const auto catalog = catalog_of(line);
  if (!catalog) return print_failure(catalog.error());
  const Findings findings = verify_all(line, *catalog ? &**catalog : nullptr);
  if (line.json) {
    std::cout << json_of(findings).dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print_rest(findings);
  }
  for (const auto& [path, error] : findings.failed) {
    if (error.code == ErrorCode::kDenied) return kExitDenied;
  }
  return findings.good() ? kExitDone : kExitFoundWrong;
}

}  // namespace framelog
