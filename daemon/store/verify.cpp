#include "store/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "core/crc32c.hpp"
#include "formats/raw_file.hpp"
#include "formats/segment.hpp"
#include "formats/stored_record.hpp"
#include "formats/tiff_frames.hpp"
#include "store/clock_steps.hpp"
#include "store/verify_sums.hpp"

namespace framelog {
namespace {

using verify_sums::passed_over;
using verify_sums::sum;
using Records = std::vector<FrameRecord>;
constexpr std::size_t kMostProblems = 20;
constexpr std::size_t kMostNotes = 5;

void note(VerifiedSegment& result, std::string problem) {
  if (result.problems.size() < kMostProblems) {
    result.problems.push_back(std::move(problem));
  } else {
    ++result.more_problems;
  }
}

/// Whether all records can be believed.
bool check_records(const Records& records, VerifiedSegment& result) {
  bool good = true;
  const FrameRecord* before = nullptr;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (is_intact(records[i]) && is_placeholder(records[i])) continue;
    if (!is_intact(records[i])) {
      note(result, fmt::format("the record of frame {} is damaged", i));
      good = false;
      continue;
    }
    if (before != nullptr && records[i].sequence <= before->sequence) {
      note(result, fmt::format("frame {} is out of order: number {} behind number {}", i,
                               records[i].sequence, before->sequence));
      good = false;
    }
    before = &records[i];
  }
  return good;
}

/// Those of frames: what stands for a point without one has no number and no time.
Records of_frames(const Records& records) {
  Records frames;
  std::ranges::remove_copy_if(records, std::back_inserter(frames), is_placeholder);
  return frames;
}

/// The pixels of a frame whose record is damaged have nothing to be compared with.
void check_pixels(SegmentReader& reader, const Records& records, const VerifyProgress& progress,
                  VerifiedSegment& result) {
  std::vector<std::byte> pixels(size_bytes(reader.shape()));
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (progress) progress(static_cast<std::int64_t>(pixels.size()));
    if (!is_intact(records[i])) continue;
    if (auto read = reader.pixels(static_cast<std::int64_t>(i), pixels); !read) {
      note(result, fmt::format("frame {} cannot be read: {}", i, describe(read.error())));
    } else if (crc32c(pixels) != records[i].crc32c) {
      note(result, fmt::format("the pixels of frame {} are not those that were recorded", i));
    }
  }
}

std::uint64_t merged_by(const Records& records) noexcept {
  std::uint64_t merged = 0;
  for (const FrameRecord& record : records) {
    if (record.accumulated > 1) merged += record.accumulated - 1U;
  }
  return merged;
}

/// Gaps after the last frame have no record behind them that could tell of them.
void check_gaps(const Records& records, const std::vector<GapEntry>& gaps,
                VerifiedSegment& result) {
  std::int64_t told_by_gaps = 0;
  std::int64_t jumps_by_gaps = 0;
  for (const GapEntry& gap : gaps) {
    if (gap.frames <= 0) continue;
    const bool with_sequence = gap.stage == "write";
    if (gap.after_sequence >= result.last_sequence) {
      auto& after = result.dropped_with_sequence_after_last;
      if (with_sequence) after = sum(after, gap.frames);
      continue;
    }
    told_by_gaps = sum(told_by_gaps, gap.frames);
    if (gap.after_sequence >= result.first_sequence) {
      if (with_sequence) jumps_by_gaps = sum(jumps_by_gaps, gap.frames);
    } else if (with_sequence) {
      auto& before = result.dropped_with_sequence_before_first;
      before = sum(before, gap.frames);
    } else if (gap.reason == name_of(DropReason::kCrash)) {
      result.unplaced_before_first = sum(result.unplaced_before_first, gap.frames);
    }
  }
  std::int64_t told_by_records = 0;
  for (const FrameRecord& record : records) told_by_records += record.dropped_before;
  if (told_by_gaps != told_by_records) {
    note(result, fmt::format("the gaps tell of {} missing frames, the records of {}", told_by_gaps,
                             told_by_records));
  }
  // What was merged, skipped or not recorded is counted for the file as a whole: some of it may lie
  // before the first frame or behind the last.
  result.dropped_with_sequence_between = jumps_by_gaps;
  const std::int64_t jumps =
      sum(sum(result.last_sequence, -result.first_sequence), 1 - std::ssize(records));
  if (jumps < jumps_by_gaps || jumps > sum(jumps_by_gaps, passed_over(result.accounting))) {
    note(result,
         fmt::format(
             "{} frames are missing in the sequence, the gaps explain {}{}", jumps, jumps_by_gaps,
             passed_over(result.accounting) > 0
                 ? fmt::format(" and the accounting at most {}", passed_over(result.accounting))
                 : ""));
  }
}

/// What the gaps add up to, as an accounting tells it; empty when a reason is none of ours.
std::optional<Accounting> losses_of(const std::vector<GapEntry>& gaps, VerifiedSegment& result) {
  std::map<std::string_view, std::uint64_t*> counters;
  Accounting losses;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    counters[name_of(static_cast<DropReason>(i))] = &losses.dropped[i];
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    counters[name_of(static_cast<LossReason>(i))] = &losses.lost_at_source[i];
  }
  for (const GapEntry& gap : gaps) {
    const auto counter = counters.find(gap.reason);
    if (counter == counters.end()) {
      note(result, fmt::format("a gap has the unknown reason \"{}\"", gap.reason));
      return std::nullopt;
    }
    if (gap.frames > 0) *counter->second += static_cast<std::uint64_t>(gap.frames);
  }
  return losses;
}

void check_losses(const Accounting& accounting, const std::vector<GapEntry>& gaps,
                  VerifiedSegment& result) {
  const auto losses = losses_of(gaps, result);
  if (!losses) return;
  const auto compare = [&](std::string_view reason, std::uint64_t told, std::uint64_t by_gaps) {
    if (told == by_gaps) return;
    note(result, fmt::format("the accounting tells of {} frames lost by {}, the gaps of {}", told,
                             reason, by_gaps));
  };
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    compare(name_of(static_cast<DropReason>(i)), accounting.dropped[i], losses->dropped[i]);
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    compare(name_of(static_cast<LossReason>(i)), accounting.lost_at_source[i],
            losses->lost_at_source[i]);
  }
}

void check_accounting(const std::optional<Accounting>& accounting, std::size_t frames,
                      VerifiedSegment& result) {
  if (!accounting) return note(result, "there is no accounting");
  result.accounting = *accounting;
  if (accounting->recorded != frames) {
    note(result, fmt::format("the accounting tells of {} recorded frames, the file holds {}",
                             accounting->recorded, frames));
  }
  if (accounting->in_flight() != 0) {
    note(result, fmt::format("{} frames are not accounted for",
                             static_cast<std::int64_t>(accounting->in_flight())));
  }
}

/// The detectors' sums lie beside the records; a power cut can have taken them, which is told by
/// NaN.
void check_detectors(SegmentReader& reader, const Records& records, VerifiedSegment& result) {
  std::vector<std::vector<double>> columns;
  for (const std::string& name : reader.detectors()) {
    auto series = reader.detector_series(name, static_cast<std::int64_t>(records.size()));
    if (!series) return note(result, describe(series.error()));
    columns.push_back(std::move(*series));
  }
  if (columns.empty()) return;
  std::vector<double> row(columns.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (std::size_t k = 0; k < columns.size(); ++k) row[k] = columns[k][i];
    const bool lost = std::ranges::all_of(row, [](double sum) { return std::isnan(sum); });
    if (!lost && is_intact(records[i]) && detectors_check(row) != records[i].detectors_check) {
      note(result,
           fmt::format("the detector sums of frame {} are not those that were recorded", i));
    }
  }
}

void check_losses_of(SegmentReader& reader, const Records& records, bool believable,
                     VerifiedSegment& result) {
  const auto gaps = reader.gaps();
  const auto accounting = reader.accounting();
  if (accounting) {
    check_accounting(*accounting, records.size(), result);
  } else {
    note(result, describe(accounting.error()));
  }
  if (!gaps) return note(result, describe(gaps.error()));
  if (accounting && *accounting) check_losses(**accounting, *gaps, result);
  if (believable && !records.empty()) check_gaps(records, *gaps, result);
  if (believable && result.accounting.merged != merged_by(records)) {
    note(result, fmt::format("the accounting tells of {} merged frames, the records of {}",
                             result.accounting.merged, merged_by(records)));
  }
}

/// Whatever the file's own numbers say, it cannot hold more than its bytes.
bool check_size(const SegmentReader& reader, VerifiedSegment& result) {
  if (result.frames == 0) return true;
  const auto frame_bytes =
      reader.packed() ? kFrameRecordBytes : static_cast<std::uint64_t>(size_bytes(reader.shape()));
  const auto frames = static_cast<std::uint64_t>(result.frames);
  const auto bytes = static_cast<std::uint64_t>(result.bytes);
  if (frame_bytes > 0 && frames <= bytes / frame_bytes) return true;
  note(result, fmt::format("it says that it holds {} frames of {}, but has only {} bytes", frames,
                           to_string(reader.shape()), result.bytes));
  return false;
}

void check_counts(const SegmentReader& reader, VerifiedSegment& result) {
  if (reader.valid() != result.frames || reader.synced() != result.frames) {
    note(result, fmt::format("it holds {} frames, but says {} valid and {} synced", result.frames,
                             reader.valid(), reader.synced()));
  }
}

/// Other programs read a RAW by its sidecar alone.
void check_raw(FileSystem& files, VerifiedSegment& result) {
  const auto described = open_raw(files, result.path, std::nullopt);
  if (!described) return note(result, describe(described.error()));
  if (!(*described)->facts().has_times) note(result, "its .json does not name its .frames");
}

/// Times that jump are explained; numbers and order stand.
void note_clock(const Records& records, VerifiedSegment& result) {
  const auto steps = clock_steps(records);
  for (std::size_t i = 0; i < steps.size() && i < kMostNotes; ++i) {
    result.notes.push_back(describe(steps[i]));
  }
  if (steps.size() > kMostNotes) {
    result.notes.push_back(fmt::format("and {} more times", steps.size() - kMostNotes));
  }
  const auto unsynchronised = std::ranges::count_if(records, [](const FrameRecord& record) {
    return (record.flags & kFlagClockUnsynchronised) != 0;
  });
  if (unsynchronised > 0 && !std::cmp_equal(unsynchronised, records.size())) {
    result.notes.push_back(
        fmt::format("the clock was not synchronised at {} of its frames", unsynchronised));
  }
}

/// Other programs find the frames by the directories alone.
void check_tiff(FileSystem& files, const SegmentReader& reader, VerifiedSegment& result) {
  const auto stored = open_tiff(files, result.path);
  if (!stored) return note(result, describe(stored.error()));
  const StoredFacts& facts = (*stored)->facts();
  if (facts.shape != reader.shape() || std::cmp_not_equal(facts.frames, result.frames)) {
    note(result,
         fmt::format("its directories tell of {} frames of {}, its head of {} of {}", facts.frames,
                     to_string(facts.shape), result.frames, to_string(reader.shape())));
  }
}

void verify_open(FileSystem& files, const SegmentFormat& format, SegmentReader& reader,
                 const VerifyProgress& progress, VerifiedSegment& result) {
  if (!reader.finished()) return note(result, "it is not finished (framelog recover finishes it)");
  result.frames = reader.frames();
  const auto text = reader.provenance();
  const auto provenance = text ? summarise_provenance(*text) : std::unexpected(text.error());
  if (provenance) {
    result.provenance = *provenance;
    result.is_export = tells_of_export(*text);
  } else {
    note(result, describe(provenance.error()));
  }
  check_counts(reader, result);
  if (format.name == "raw") check_raw(files, result);
  if (format.name.ends_with("tiff")) check_tiff(files, reader, result);
  if (!check_size(reader, result)) return;
  const auto records = reader.records(result.frames);
  if (!records) return note(result, describe(records.error()));
  const bool believable = check_records(*records, result);
  const Records frames = of_frames(*records);
  if (believable && !frames.empty()) {
    result.first_sequence = static_cast<std::int64_t>(frames.front().sequence);
    result.last_sequence = static_cast<std::int64_t>(frames.back().sequence);
    result.records_crc = crc32c(std::as_bytes(std::span(*records)));
    result.first_record = frames.front();
    result.last_record = frames.back();
    note_clock(frames, result);
  }
  check_pixels(reader, *records, progress, result);
  check_detectors(reader, *records, result);
  check_losses_of(reader, frames, believable, result);
}

}  // namespace

VerifiedSegment verify_segment(FileSystem& files, const std::filesystem::path& path,
                               const VerifyProgress& progress) {
  VerifiedSegment result;
  result.path = path;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  result.bytes = error ? 0 : static_cast<std::int64_t>(bytes);
  const SegmentFormat* format = format_of(path);
  if (format == nullptr) {
    note(result, fmt::format("not a segment of framelog (allowed: {})", segment_names()));
    return result;
  }
  try {
    auto reader = format->open(files, path);
    if (reader) {
      verify_open(files, *format, **reader, progress, result);
    } else {
      note(result, describe(reader.error()));
    }
  } catch (const std::bad_alloc&) {
    note(result, "it describes more than the memory of this machine holds");
  } catch (const std::length_error&) {
    note(result, "it describes more than any machine holds");
  }
  return result;
}

}  // namespace framelog
