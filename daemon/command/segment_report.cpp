#include "command/segment_report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <span>
#include <utility>

#include "store/event_log.hpp"

namespace framelog {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

FrameSummary summarise(std::span<const FrameRecord> records) {
  FrameSummary summary;
  summary.min = summary.max = summary.mean = kNone;
  double sum = 0;
  std::int64_t counted = 0;
  for (const FrameRecord& record : records) {
    if (!is_intact(record)) {
      ++summary.damaged_records;
      continue;
    }
    summary.min = std::fmin(summary.min, record.min);
    summary.max = std::fmax(summary.max, record.max);
    if (!std::isnan(record.mean)) {
      sum += record.mean;
      ++counted;
    }
    summary.saturated += record.saturated;
    summary.clipped += record.clipped;
    summary.corrupt += (record.flags & kFlagCorrupt) != 0;
    summary.incomplete += (record.flags & kFlagIncomplete) != 0;
    summary.unsynchronised += (record.flags & kFlagClockUnsynchronised) != 0;
  }
  if (counted > 0) summary.mean = sum / static_cast<double>(counted);
  return summary;
}

Result<void> fill(FileSystem& files, SegmentReader& reader, SegmentReport& report) {
  auto text = reader.provenance();
  if (!text) return std::unexpected(text.error());
  auto provenance = summarise_provenance(*text);
  if (!provenance) return std::unexpected(provenance.error());
  report.provenance_json = std::move(*text);
  report.provenance = std::move(*provenance);
  report.shape = reader.shape();
  const std::int64_t there = reader.frames();
  report.frames = reader.finished() ? there : std::clamp(reader.valid(), std::int64_t{0}, there);
  report.synced = reader.synced();
  const auto records = reader.records(report.frames);
  if (!records) return std::unexpected(records.error());
  if (!records->empty()) {
    report.first_utc_ns = records->front().utc_ns;
    report.last_utc_ns = records->back().utc_ns;
    report.duration_ns = records->back().monotonic_ns - records->front().monotonic_ns;
  }
  report.summary = summarise(*records);
  const auto accounting = reader.accounting();
  if (!accounting) return std::unexpected(accounting.error());
  report.accounting = *accounting;
  if (reader.finished()) {
    auto gaps = reader.gaps();
    if (!gaps) return std::unexpected(gaps.error());
    report.gaps = std::move(*gaps);
  } else {
    report.gaps = read_events(files, events_path(report.found.path)).gaps;
  }
  return {};
}

}  // namespace

double SegmentReport::rate_hz() const noexcept {
  return frames > 1 && duration_ns > 0
             ? static_cast<double>(frames - 1) / (static_cast<double>(duration_ns) * 1e-9)
             : 0.0;
}

Result<SegmentReport> report_segment(FileSystem& files, const FoundSegment& found, bool with_tree) {
  const SegmentFormat* format = format_of(found.path);
  if (format == nullptr) {
    return fail(ErrorCode::kInvalid,
                "not a segment of framelog (NAME.h5 or NAME.raw):", found.path.string());
  }
  try {
    auto reader = format->open(files, found.path);
    if (!reader) return std::unexpected(reader.error());
    SegmentReport report;
    report.found = found;
    if (with_tree) {
      auto tree = (*reader)->tree();
      if (!tree) return std::unexpected(tree.error());
      report.tree = std::move(*tree);
    }
    if (auto filled = fill(files, **reader, report); !filled) {
      if (filled.error().context.empty()) filled.error().context = "in " + found.path.string();
      return std::unexpected(filled.error());
    }
    return report;
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNoMemory,
                "it describes more than the memory of this machine holds:", found.path.string());
  }
}

}  // namespace framelog
