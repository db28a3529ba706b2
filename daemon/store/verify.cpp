#include "store/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/crc32c.hpp"

namespace framelog {
namespace {

using Records = std::vector<FrameRecord>;
constexpr std::size_t kMostProblems = 20;

void note(VerifiedSegment& result, std::string problem) {
  if (result.problems.size() < kMostProblems) result.problems.push_back(std::move(problem));
}

void check_records(const Records& records, VerifiedSegment& result) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!is_intact(records[i])) note(result, fmt::format("the record of frame {} is damaged", i));
    if (i > 0 && records[i].sequence <= records[i - 1].sequence) {
      note(result, fmt::format("frame {} is out of order", i));
    }
  }
}

void check_pixels(SegmentReader& reader, const Records& records, VerifiedSegment& result) {
  std::vector<std::byte> pixels(size_bytes(reader.shape()));
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (auto read = reader.pixels(static_cast<std::int64_t>(i), pixels); !read) {
      note(result, fmt::format("frame {} cannot be read: {}", i, describe(read.error())));
    } else if (crc32c(pixels) != records[i].crc32c) {
      note(result, fmt::format("the pixels of frame {} are not those that were recorded", i));
    }
  }
}

/// Gaps after the last frame have no record behind them that could tell of them.
void check_gaps(const Records& records, const std::vector<GapEntry>& gaps,
                VerifiedSegment& result) {
  std::int64_t told_by_gaps = 0;
  std::int64_t jumps_by_gaps = 0;
  for (const GapEntry& gap : gaps) {
    if (gap.frames <= 0 || gap.after_sequence >= result.last_sequence) continue;
    told_by_gaps += gap.frames;
    if (gap.stage != "write") continue;
    if (gap.after_sequence < result.first_sequence) {
      result.dropped_with_sequence_before_first += gap.frames;
    } else {
      jumps_by_gaps += gap.frames;
    }
  }
  std::int64_t told_by_records = 0;
  for (const FrameRecord& record : records) told_by_records += record.dropped_before;
  if (told_by_gaps != told_by_records) {
    note(result, fmt::format("the gaps tell of {} missing frames, the records of {}", told_by_gaps,
                             told_by_records));
  }
  const std::int64_t jumps = result.last_sequence - result.first_sequence + 1 - result.frames;
  if (jumps != jumps_by_gaps) {
    note(result, fmt::format("{} frames are missing in the sequence, the gaps explain {}", jumps,
                             jumps_by_gaps));
  }
}

void check_accounting(const std::optional<Accounting>& accounting, VerifiedSegment& result) {
  if (!accounting) return note(result, "there is no accounting");
  result.accounting = *accounting;
  if (std::cmp_not_equal(accounting->recorded, result.frames)) {
    note(result, fmt::format("the accounting tells of {} recorded frames, the file holds {}",
                             accounting->recorded, result.frames));
  }
  if (accounting->in_flight() != 0) {
    note(result, fmt::format("{} frames are not accounted for",
                             static_cast<std::int64_t>(accounting->in_flight())));
  }
}

void check_counts(const SegmentReader& reader, VerifiedSegment& result) {
  if (reader.valid() != result.frames || reader.synced() != result.frames) {
    note(result, fmt::format("it holds {} frames, but says {} valid and {} synced", result.frames,
                             reader.valid(), reader.synced()));
  }
}

void verify_open(SegmentReader& reader, VerifiedSegment& result) {
  if (!reader.finished()) return note(result, "it is not finished (framelog recover finishes it)");
  result.frames = reader.frames();
  const auto text = reader.provenance();
  const auto provenance = text ? summarise_provenance(*text) : std::unexpected(text.error());
  if (provenance) {
    result.provenance = *provenance;
  } else {
    note(result, describe(provenance.error()));
  }
  check_counts(reader, result);
  const auto records = reader.records(result.frames);
  if (!records) return note(result, describe(records.error()));
  if (!records->empty()) {
    result.first_sequence = static_cast<std::int64_t>(records->front().sequence);
    result.last_sequence = static_cast<std::int64_t>(records->back().sequence);
  }
  check_records(*records, result);
  check_pixels(reader, *records, result);
  if (const auto gaps = reader.gaps()) {
    check_gaps(*records, *gaps, result);
  } else {
    note(result, describe(gaps.error()));
  }
  if (const auto accounting = reader.accounting()) {
    check_accounting(*accounting, result);
  } else {
    note(result, describe(accounting.error()));
  }
}

void add(Accounting& to, const Accounting& more) {
  to.received += more.received;
  to.recorded += more.recorded;
  to.merged += more.merged;
  to.skipped += more.skipped;
  to.not_recorded += more.not_recorded;
  for (std::size_t i = 0; i < kDropReasons; ++i) to.dropped[i] += more.dropped[i];
  for (std::size_t i = 0; i < kLossReasons; ++i) to.lost_at_source[i] += more.lost_at_source[i];
}

}  // namespace

VerifiedSegment verify_segment(FileSystem& files, const std::filesystem::path& path) {
  VerifiedSegment result;
  result.path = path;
  std::error_code error;
  result.bytes = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
  const SegmentFormat* format = format_of(path);
  if (format == nullptr) {
    note(result, "not a segment of framelog (NAME.h5 or NAME.raw)");
    return result;
  }
  auto reader = format->open(files, path);
  if (!reader) {
    note(result, describe(reader.error()));
    return result;
  }
  verify_open(**reader, result);
  return result;
}

std::vector<VerifiedRun> join_runs(const std::vector<VerifiedSegment>& segments) {
  std::map<std::pair<std::string, std::string>, std::vector<const VerifiedSegment*>> by_run;
  for (const VerifiedSegment& segment : segments) {
    if (segment.frames > 0 && !segment.provenance.run_uuid.empty()) {
      by_run[{segment.provenance.run_uuid, segment.provenance.product}].push_back(&segment);
    }
  }
  std::vector<VerifiedRun> runs;
  for (auto& [key, members] : by_run) {
    std::ranges::sort(members, {}, &VerifiedSegment::first_sequence);
    const ProvenanceSummary& provenance = members.front()->provenance;
    VerifiedRun run{key.first, provenance.instrument, key.second, provenance.run_number, 0, {}, {}};
    std::int64_t next = members.front()->first_sequence;
    for (const VerifiedSegment* segment : members) {
      ++run.segments;
      add(run.accounting, segment->accounting);
      const std::int64_t expected =
          next + (run.segments > 1 ? segment->dropped_with_sequence_before_first : 0);
      if (segment->first_sequence != expected) {
        run.problems.push_back(
            fmt::format("{} begins with frame {}, expected {}: {}",
                        segment->path.filename().string(), segment->first_sequence, expected,
                        segment->first_sequence > expected ? "a segment is missing"
                                                           : "frames were recorded twice"));
      }
      next = segment->last_sequence + 1;
    }
    runs.push_back(std::move(run));
  }
  std::ranges::sort(runs, {},
                    [](const VerifiedRun& run) { return std::tie(run.run_number, run.product); });
  return runs;
}

}  // namespace framelog
