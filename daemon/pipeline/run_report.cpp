#include "pipeline/run_report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "core/event.hpp"
#include "pipeline/recovery_report.hpp"
#include "store/recovery.hpp"

namespace framelog {

std::string describe_accounting(const SessionStatus::Product& product) {
  const Accounting& a = product.accounting;
  std::string text =
      fmt::format("{}: {} received = {} recorded", product.name, a.received, a.recorded);
  if (a.merged > 0) text += fmt::format(" + {} merged", a.merged);
  if (a.skipped > 0) text += fmt::format(" + {} skipped", a.skipped);
  if (a.not_recorded > 0) text += fmt::format(" + {} not recorded", a.not_recorded);
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (a.dropped[i] > 0) {
      text += fmt::format(" + {} dropped ({})", a.dropped[i], name_of(static_cast<DropReason>(i)));
    }
  }
  if (a.in_flight() > 0) text += fmt::format(" + {} in flight", a.in_flight());
  if (a.total_lost_at_source() > 0)
    text += fmt::format("; {} lost at source", a.total_lost_at_source());
  return text + fmt::format("; {} segments", product.segments);
}

void report_started(const std::string& instrument, const std::filesystem::path& base,
                    const RunIdentity& run) {
  // A terminal has the status line.
  const bool has_line = ::isatty(STDERR_FILENO) == 1;
  report({.kind = EventKind::kStarted,
          .level = has_line ? LogLevel::kDebug : LogLevel::kInfo,
          .text = fmt::format("recording {} to {}", instrument, base.string()),
          .fields = {{"base", base.string()},
                     {"run", run.uuid},
                     {"run_number", std::to_string(run.number)}}});
}

void report_stopped(const RunIdentity& run, const SessionStatus& status, std::string_view reason) {
  report({.kind = EventKind::kStopped,
          .text = fmt::format("recording stopped: {}", reason),
          .fields = {{"run", run.uuid},
                     {"run_number", std::to_string(run.number)},
                     {"reason", std::string(reason)},
                     {"received", std::to_string(status.received)},
                     {"dropped", std::to_string(status.dropped)},
                     {"lost_at_source", std::to_string(status.lost_at_source)}}});
}

void recover_bases(FileSystem& files, const std::set<std::filesystem::path>& bases) {
  for (const auto& base : bases) {
    std::error_code error;
    if (!std::filesystem::is_directory(base, error)) continue;
    const auto recovered = recover(files, base);
    if (!recovered) continue;
    for (const RecoveredSegment& segment : *recovered) report_recovery(segment);
  }
}

}  // namespace framelog
