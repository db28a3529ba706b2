#include "pipeline/recovery_report.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/event.hpp"

namespace framelog {

void report_recovery(const RecoveredSegment& segment) {
  Event event;
  event.kind = EventKind::kSegmentRecovered;
  switch (segment.outcome) {
    case RecoveryOutcome::kFinished:
      event.level = LogLevel::kWarning;
      event.text = fmt::format("recovered {} frames: {}", segment.frames, segment.result.string());
      event.fields = {{"path", segment.result.string()},
                      {"outcome", "finished"},
                      {"frames", std::to_string(segment.frames)},
                      {"lost", std::to_string(segment.lost)}};
      break;
    case RecoveryOutcome::kQuarantined:
    case RecoveryOutcome::kFailed:
      event.level = LogLevel::kError;
      event.text = fmt::format("cannot recover {}: {}", segment.part.string(), segment.note);
      event.fields = {{"path", (segment.result.empty() ? segment.part : segment.result).string()},
                      {"outcome", segment.result.empty() ? "failed" : "quarantined"},
                      {"reason", segment.note}};
      break;
    case RecoveryOutcome::kEmpty:
      if (segment.lost == 0) return;
      event.level = LogLevel::kWarning;
      event.text =
          fmt::format("removed {}: none of the {} frames that it counts had come to the disk",
                      segment.part.string(), segment.lost);
      event.fields = {{"path", segment.part.string()},
                      {"outcome", "empty"},
                      {"frames", "0"},
                      {"lost", std::to_string(segment.lost)}};
      break;
    case RecoveryOutcome::kInUse:
      return;
  }
  report(std::move(event));
}

}  // namespace framelog
