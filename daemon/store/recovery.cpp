#include "store/recovery.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/crc32c.hpp"
#include "formats/segment.hpp"
#include "store/crash_gaps.hpp"
#include "store/examination.hpp"
#include "store/finish.hpp"
#include "store/leftovers.hpp"
#include "store/provenance.hpp"
#include "store/quarantine.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

/// The lock of a dead process is free: taking it shows that nobody records this segment.
Result<UniqueFd> take_lock(FileSystem& files, const SegmentFormat& format, const path& part) {
  auto fd = files.open(format.locked_file(files, part), O_RDWR);
  if (!fd) return fd;
  if (auto locked = files.lock(fd->get()); !locked) return std::unexpected(locked.error());
  return fd;
}

std::optional<DropReason> drop_reason_of(std::string_view name) {
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (name_of(static_cast<DropReason>(i)) == name) return static_cast<DropReason>(i);
  }
  return std::nullopt;
}

bool is_no_record(const FrameRecord& record) {
  return std::ranges::all_of(std::as_bytes(std::span(&record, 1)),
                             [](std::byte byte) { return byte == std::byte{0}; });
}

/// Whether the pixels of a frame are those that its record tells of.
bool is_whole(SegmentReader& reader, std::int64_t frame, const FrameRecord& record,
              std::span<std::byte> pixels) {
  return is_intact(record) && reader.pixels(frame, pixels) && crc32c(pixels) == record.crc32c;
}

/// Frames before `synced` are not looked at one by one. Where neither the first nor the last of
/// them fits its record, the records are those of other pixels.
Result<void> check_ends(SegmentReader& reader, std::int64_t trusted, const FrameRecord& first,
                        const FrameRecord& last) {
  std::vector<std::byte> pixels(size_bytes(reader.shape()));
  if (is_whole(reader, 0, first, pixels) || is_whole(reader, trusted - 1, last, pixels)) return {};
  return fail(ErrorCode::kCorrupt, "neither its first nor its last frame is what its record says");
}

Result<std::int64_t> trusted(SegmentReader& reader) {
  const std::int64_t capacity = reader.frames();
  const std::int64_t synced = std::clamp(reader.synced(), std::int64_t{0}, capacity);
  std::vector<std::byte> pixels(size_bytes(reader.shape()));
  constexpr std::int64_t kStep = 4096;
  std::int64_t good = synced;
  auto records = reader.records(std::min(capacity, synced + kStep));
  if (!records) return std::unexpected(records.error());
  // A damaged count must not make frames of what was never written.
  while (good > 0 && is_no_record((*records)[static_cast<std::size_t>(good - 1)])) --good;
  while (good < capacity) {
    if (std::cmp_greater_equal(good, records->size())) {
      records = reader.records(std::min(capacity, good + kStep));
      if (!records) return std::unexpected(records.error());
    }
    const auto index = static_cast<std::size_t>(good);
    const FrameRecord& record = (*records)[index];
    if (!is_intact(record)) break;
    if (index > 0 && record.sequence <= (*records)[index - 1].sequence) break;
    const auto read = reader.pixels(good, pixels);
    if (!read && read.error().code != ErrorCode::kCorrupt && good < reader.valid()) {
      // What cannot be read today is not torn: it must not be trimmed away.
      return fail(ErrorCode::kIo,
                  "cannot read a frame that the file counts:", describe(read.error()));
    }
    if (!read || crc32c(pixels) != record.crc32c) break;
    ++good;
  }
  return good;
}

/// Frames that the file counts, which can be more than it has pixels for; at least `trusted`.
std::int64_t counted(SegmentReader& reader, std::int64_t trusted) {
  const std::int64_t there = std::max(trusted, reader.frames());
  if (reader.valid() <= there) return std::max(trusted, reader.valid());
  // What was cut off is a frame only where its record tells of it.
  const auto records = reader.records(reader.valid());
  if (!records) return there;
  std::int64_t count = there;
  while (count < reader.valid() && is_intact((*records)[static_cast<std::size_t>(count)])) ++count;
  return count;
}

/// Whether the power failed before anything of these frames had come to the disk: where all records
/// and these pixels are to be there are zeros. (The count lies where something had been written
/// before, so that it comes there first.) Of packed pixels without an index nobody can say that.
bool is_blank(SegmentReader& reader, std::int64_t frames) {
  if (reader.packed() || reader.synced() > 0 || frames > reader.frames()) return false;
  const auto records = reader.records(reader.frames());
  if (!records || !std::ranges::all_of(*records, is_no_record)) return false;
  std::vector<std::byte> pixels(size_bytes(reader.shape()));
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    if (!reader.pixels(frame, pixels) || !std::ranges::all_of(pixels, is_zero)) return false;
  }
  return true;
}

/// Whether a log tells of more than clocks.
bool tells_something(const SegmentEvents& events) {
  return !events.gaps.empty() || !events.events.empty() || !events.quantities.empty() ||
         !events.lines.edges.empty() || events.end;
}

RecoveredSegment failed(const path& part, const Error& error) {
  return {part, RecoveryOutcome::kFailed, {}, 0, 0, describe(error)};
}

/// Quarantine is for what is not understood; a disk that cannot be read may be read tomorrow.
RecoveredSegment give_up(FileSystem& files, const SegmentFormat& format, const path& part,
                         const Error& error) {
  const bool strange = error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported ||
                       error.code == ErrorCode::kNotFound;
  return strange ? quarantine(files, format, part, error) : failed(part, error);
}

/// What a .part holds, as far as it can be trusted.
struct Contents {
  std::int64_t frames{};
  std::int64_t lost{};  ///< Counted by the file beyond them.
  bool is_blank{};      ///< Nothing of what is lost was on the disk.
  std::vector<FrameRecord> records;
  ProvenanceSummary provenance;
};

Result<Contents> contents_of(FileSystem& files, const SegmentFormat& format, const path& part) {
  auto reader = format.open(files, part);
  if (!reader) return std::unexpected(reader.error());
  const auto frames = trusted(**reader);
  if (!frames) return std::unexpected(frames.error());
  auto records = (*reader)->records(*frames);
  if (!records) return std::unexpected(records.error());
  if (*frames > 0) {
    const auto fits = check_ends(**reader, *frames, records->front(), records->back());
    if (!fits) return std::unexpected(fits.error());
  }
  Contents contents{*frames, counted(**reader, *frames) - *frames, false, std::move(*records), {}};
  if (*frames == 0 && contents.lost > 0) contents.is_blank = is_blank(**reader, contents.lost);
  if (const auto text = (*reader)->provenance()) {
    if (auto summary = summarise_provenance(*text)) contents.provenance = std::move(*summary);
  }
  return contents;
}

RecoveredSegment remove_empty(FileSystem& files, const SegmentFormat& format, const path& part,
                              std::int64_t lost) {
  if (auto removed = remove_empty_part(files, format, part); !removed) {
    return failed(part, removed.error());
  }
  return {part, RecoveryOutcome::kEmpty, {}, 0, lost, {}};
}

/// Frames of the segment, up to its last one, that are neither there nor merged nor lost. Where the
/// log is lost, so is what was left out before its first frame.
std::int64_t left_out(const Contents& contents, const SegmentEvents& events, std::int64_t merged) {
  const auto intact = [](const FrameRecord& record) { return is_intact(record); };
  const auto first = std::ranges::find_if(contents.records, intact);
  const auto last = std::find_if(contents.records.rbegin(), contents.records.rend(), intact);
  if (first == contents.records.end() || !contents.provenance.leaves_out()) return 0;
  const auto first_sequence = static_cast<std::int64_t>(first->sequence);
  const auto last_sequence = static_cast<std::int64_t>(last->sequence);
  const std::int64_t from =
      events.accounted_from.value_or(first_sequence - std::max(0, first->accumulated - 1));
  std::int64_t missing = last_sequence + 1 - from - contents.frames - merged;
  for (const GapEntry& gap : events.gaps) {
    const bool counts = events.accounted_from || gap.after_sequence >= first_sequence;
    if (counts && gap.after_sequence < last_sequence && gap.frames > 0 && gap.stage == "write") {
      missing -= gap.frames;
    }
  }
  return std::max(std::int64_t{0}, missing);
}

/// What a dead process cannot tell any more, from what it had noted and the frames.
Accounting accounting_of(const Contents& contents, const SegmentEvents& events) {
  Accounting accounting;
  accounting.recorded = static_cast<std::uint64_t>(contents.frames);
  for (const FrameRecord& record : contents.records) {
    if (is_intact(record) && record.accumulated > 1) accounting.merged += record.accumulated - 1U;
  }
  const bool skips = contents.provenance.has_step(kKeepEveryStep) ||
                     contents.provenance.has_step(kSkipFlybackStep);
  (skips ? accounting.skipped : accounting.not_recorded) += static_cast<std::uint64_t>(
      left_out(contents, events, static_cast<std::int64_t>(accounting.merged)));
  for (const GapEntry& gap : events.gaps) {
    if (gap.frames <= 0) continue;
    const auto count = static_cast<std::uint64_t>(gap.frames);
    if (const auto reason = drop_reason_of(gap.reason)) {
      accounting.dropped[static_cast<std::size_t>(*reason)] += count;
    } else {
      const bool sequence = gap.reason == name_of(LossReason::kSequenceGap);
      accounting.lost_at_source[static_cast<std::size_t>(
          sequence ? LossReason::kSequenceGap : LossReason::kDisconnected)] += count;
    }
  }
  accounting.received = accounting.recorded + accounting.merged + accounting.skipped +
                        accounting.not_recorded + accounting.total_dropped();
  return accounting;
}

RecoveredSegment finish(FileSystem& files, const SegmentFormat& format, const path& part,
                        const Contents& contents) {
  SegmentEvents events = read_events(files, events_path(part));
  if (events.end && contents.lost == 0 &&
      std::cmp_equal(events.end->accounting.recorded, contents.frames)) {
    const LoggedEnd end = *events.end;
    const auto finished = finish_part(
        files, format,
        {part, contents.frames, end.stop_reason, std::move(events), end.accounting, {}});
    if (!finished) return give_up(files, format, part, finished.error());
    return {part, RecoveryOutcome::kFinished, finished->path, contents.frames, 0, {}};
  }
  add_crash_gaps(contents.records, contents.lost, contents.provenance.leaves_out(), events.gaps);
  // What was captured and not yet written died with the process.
  const auto last =
      contents.records.empty() ? -1 : static_cast<std::int64_t>(contents.records.back().sequence);
  events.gaps.push_back({last, -1, -1, "capture", std::string(name_of(DropReason::kCrash))});
  const Accounting accounting = accounting_of(contents, events);
  const auto finished = finish_part(
      files, format, {part, contents.frames, "recovered", std::move(events), accounting, {}});
  if (!finished) return give_up(files, format, part, finished.error());
  return {part, RecoveryOutcome::kFinished, finished->path, contents.frames, contents.lost, {}};
}

}  // namespace

bool is_being_recorded(FileSystem& files, const path& part) {
  const SegmentFormat* format = format_of(part);
  if (format == nullptr || part.extension() != ".part") return false;
  const auto fd = files.open(format->locked_file(files, part), O_RDONLY);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return fd && ::fcntl(fd->get(), F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

Result<std::int64_t> trusted_frames(FileSystem& files, const path& part) {
  const SegmentFormat* format = format_of(part);
  if (format == nullptr) return std::unexpected(not_a_segment(part));
  auto reader = format->open(files, part);
  if (!reader) return std::unexpected(reader.error());
  return trusted(**reader);
}

std::int64_t last_sequence(FileSystem& files, const path& part) {
  for (const path& file : {part, part.parent_path() / part.stem()}) {
    const SegmentFormat* format = format_of(file);
    if (format == nullptr || !files.exists(file)) continue;
    const auto examination = Examination::begin(files, part);
    if (!examination) continue;
    auto reader = format->open(files, file);
    if (!reader) continue;
    // What recovery will keep, which can be more than the file counts.
    const Result<std::int64_t> count =
        (*reader)->finished() ? Result<std::int64_t>((*reader)->frames()) : trusted(**reader);
    if (!count) continue;
    const auto records = (*reader)->records(*count);
    if (records && !records->empty()) return static_cast<std::int64_t>(records->back().sequence);
  }
  return -1;
}

RecoveredSegment recover_part(FileSystem& files, const path& part) {
  const SegmentFormat* format = format_of(part);
  if (format == nullptr || part.extension() != ".part") {
    return {part, RecoveryOutcome::kFailed,
            {},   0,
            0,    "not an unfinished segment (allowed: " + segment_names(".part") + ")"};
  }
  auto lock = take_lock(files, *format, part);
  if (!lock) {
    if (lock.error().code == ErrorCode::kBusy) {
      return {part, RecoveryOutcome::kInUse, {}, 0, 0, "being recorded by a living framelogd"};
    }
    if (!files.exists(part)) return failed(part, lock.error());
    return give_up(files, *format, part, lock.error());
  }
  const auto examination = Examination::begin(files, part);
  if (!examination) return give_up(files, *format, part, examination.error());
  if (auto undone = format->undo(files, part); !undone) {
    return give_up(files, *format, part, undone.error());
  }
  const auto contents = contents_of(files, *format, part);
  if (!contents) return give_up(files, *format, part, contents.error());
  if (contents->frames > 0) return finish(files, *format, part, *contents);
  if (contents->lost == 0 ||
      (contents->is_blank && !tells_something(read_events(files, events_path(part))))) {
    return remove_empty(files, *format, part, contents->lost);
  }
  return quarantine(files, *format, part,
                    Error{ErrorCode::kCorrupt, 0, "none of its frames is whole",
                          fmt::format("(it counts {})", contents->lost)});
}

Result<std::vector<RecoveredSegment>> recover(FileSystem& files, const path& where) {
  std::error_code error;
  const auto status = std::filesystem::status(where, error);
  if (!std::filesystem::exists(status)) {
    return fail_errno(error ? error.value() : ENOENT, "cannot recover", where.string());
  }
  std::vector<RecoveredSegment> results;
  if (!std::filesystem::is_directory(status)) {
    // A link would be renamed, and not the file that it leads to.
    const path real = std::filesystem::canonical(where, error);
    if (error) return fail_errno(error.value(), "cannot recover", where.string());
    results.push_back(recover_part(files, real));
    return results;
  }
  if (auto listed = files.list(where); !listed) return std::unexpected(listed.error());
  const Unfinished unfinished = clear_leftovers(files, where);
  for (const path& part : unfinished.parts) results.push_back(recover_part(files, part));
  for (const path& part : unfinished.prepared) {
    // Without a frame it was never a recording.
    auto recovered = recover_part(files, part);
    if (recovered.outcome != RecoveryOutcome::kEmpty || recovered.lost > 0) {
      results.push_back(std::move(recovered));
    }
  }
  for (const auto& [place, why] : unfinished.failed) results.push_back(failed(place, why));
  return results;
}

}  // namespace framelog
