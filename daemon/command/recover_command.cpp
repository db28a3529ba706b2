#include "command/recover_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>

#include "command/instrument.hpp"
#include "command/output.hpp"
#include "core/text.hpp"
#include "store/recovery.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

const char* word_of(RecoveryOutcome outcome) {
  switch (outcome) {
    case RecoveryOutcome::kFinished:
      return "finished";
    case RecoveryOutcome::kEmpty:
      return "empty";
    case RecoveryOutcome::kInUse:
      return "in use";
    case RecoveryOutcome::kQuarantined:
      return "quarantined";
    case RecoveryOutcome::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string text_of(const RecoveredSegment& segment) {
  const std::string part = segment.part.string();
  switch (segment.outcome) {
    case RecoveryOutcome::kFinished:
      return fmt::format("{}: finished as {}, {}{}", part, segment.result.filename().string(),
                         counted(segment.frames, "frame"),
                         segment.lost > 0 ? fmt::format(", {} not whole", segment.lost) : "");
    case RecoveryOutcome::kEmpty:
      return fmt::format("{}: held no frame, removed{}", part,
                         segment.lost == 0 ? ""
                                           : fmt::format(" (none of the {} that it counts had come "
                                                         "to the disk)",
                                                         segment.lost));
    case RecoveryOutcome::kInUse:
      return part + ": being recorded, left alone";
    case RecoveryOutcome::kQuarantined:
      return fmt::format("{}: NOT UNDERSTOOD, moved to {}: {}", part, segment.result.string(),
                         segment.note);
    case RecoveryOutcome::kFailed:
      return fmt::format("{}: FAILED, left as it was: {}", part, segment.note);
  }
  return part;
}

Json json_of(const RecoveredSegment& segment) {
  Json json{{"part", segment.part.string()},
            {"outcome", word_of(segment.outcome)},
            {"result", segment.result.empty() ? Json(nullptr) : Json(segment.result.string())},
            {"frames", segment.frames},
            {"lost", segment.lost}};
  if (!segment.note.empty()) json["note"] = segment.note;
  return json;
}

std::int64_t count(const std::vector<RecoveredSegment>& all, RecoveryOutcome outcome) {
  return std::ranges::count(all, outcome, &RecoveredSegment::outcome);
}

std::string summary_of(const std::vector<RecoveredSegment>& all) {
  if (all.empty()) return "nothing to recover\n";
  std::int64_t frames = 0;
  for (const RecoveredSegment& segment : all) frames += segment.frames;
  using enum RecoveryOutcome;
  return fmt::format("{} with {} finished, {} empty, {} in use, {} quarantined, {} failed\n",
                     counted(count(all, kFinished), "segment"), counted(frames, "frame"),
                     count(all, kEmpty), count(all, kInUse), count(all, kQuarantined),
                     count(all, kFailed));
}

}  // namespace

int recover_command(const CommandLine& line) {
  // What reads our output may go away; the segment in hand is still finished.
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<RecoveredSegment> all;
  int status = kExitDone;
  for (const std::string& where : line.operands) {
    auto recovered = recover(system_files(), where);
    if (!recovered) {
      std::cerr << "framelog: " << one_line(describe(recovered.error())) << '\n';
      status = exit_status_of(recovered.error());
      continue;
    }
    for (RecoveredSegment& segment : *recovered) {
      if (!line.json) std::cout << one_line(text_of(segment)) << std::endl;
      all.push_back(std::move(segment));
    }
  }
  if (line.json) {
    Json json = Json::array();
    for (const RecoveredSegment& segment : all) json.push_back(json_of(segment));
    std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    std::cout << summary_of(all);
  }
  using enum RecoveryOutcome;
  const bool wrong = count(all, kQuarantined) + count(all, kFailed) > 0;
  return status == kExitDone && wrong ? kExitFoundWrong : status;
}

}  // namespace framelog
