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

using Columns = std::vector<std::vector<double>>;

/// True where the sums beside a frame are those that were recorded with it. A power cut can have
/// taken them, and of a file that lives the newest can be on their way.
std::vector<bool> tied_rows(const Columns& columns, std::span<const FrameRecord> records) {
  std::vector<bool> tied(records.size());
  std::vector<double> row(columns.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (std::size_t k = 0; k < columns.size(); ++k) row[k] = columns[k][i];
    tied[i] = is_intact(records[i]) && detectors_check(row) == records[i].detectors_check;
  }
  return tied;
}

void summarise(const std::vector<double>& sums, const std::vector<bool>& tied,
               DetectorSummary& summary) {
  summary.min = summary.max = summary.last = kNone;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (!tied[i]) {
      ++summary.missing;
      continue;
    }
    summary.min = std::fmin(summary.min, sums[i]);
    summary.max = std::fmax(summary.max, sums[i]);
    summary.last = sums[i];
  }
}

Result<std::vector<DetectorSummary>> detectors_of(SegmentReader& reader,
                                                  std::span<const FrameRecord> records) {
  std::vector<DetectorSummary> detectors;
  Columns columns;
  for (std::string& name : reader.detectors()) {
    const auto pixels = reader.detector_pixels(name);
    if (!pixels) return std::unexpected(pixels.error());
    auto series = reader.detector_series(name, static_cast<std::int64_t>(records.size()));
    if (!series) return std::unexpected(series.error());
    columns.push_back(std::move(*series));
    detectors.push_back({.name = std::move(name), .pixels = *pixels});
  }
  if (detectors.empty()) return detectors;
  const auto tied = tied_rows(columns, records);
  for (std::size_t k = 0; k < detectors.size(); ++k) summarise(columns[k], tied, detectors[k]);
  return detectors;
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
  report.scan = reader.scan();
  auto detectors = detectors_of(reader, *records);
  if (!detectors) return std::unexpected(detectors.error());
  report.detectors = std::move(*detectors);
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
    return std::unexpected(not_a_segment(found.path));
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
