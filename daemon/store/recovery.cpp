#include "store/recovery.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/clock.hpp"
#include "core/crc32c.hpp"
#include "formats/segment.hpp"
#include "store/finish.hpp"

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

/// What a dead process cannot tell any more, from the gaps that it had noted.
Accounting accounting_of(std::int64_t frames, const std::vector<GapEntry>& gaps) {
  Accounting accounting;
  accounting.recorded = static_cast<std::uint64_t>(frames);
  for (const GapEntry& gap : gaps) {
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
  accounting.received = accounting.recorded + accounting.total_dropped();
  return accounting;
}

Result<std::int64_t> trusted(SegmentReader& reader) {
  const std::int64_t capacity = reader.frames();
  const std::int64_t synced = std::clamp(reader.synced(), std::int64_t{0}, capacity);
  std::vector<std::byte> pixels(size_bytes(reader.shape()));
  constexpr std::int64_t kStep = 4096;
  std::int64_t good = synced;
  auto records = reader.records(std::min(capacity, synced + kStep));
  if (!records) return std::unexpected(records.error());
  while (good < capacity) {
    if (std::cmp_greater_equal(good, records->size())) {
      records = reader.records(std::min(capacity, good + kStep));
      if (!records) return std::unexpected(records.error());
    }
    const auto index = static_cast<std::size_t>(good);
    const FrameRecord& record = (*records)[index];
    if (!is_intact(record)) break;
    if (index > 0 && record.sequence <= (*records)[index - 1].sequence) break;
    if (!reader.pixels(good, pixels) || crc32c(pixels) != record.crc32c) break;
    ++good;
  }
  return good;
}

RecoveredSegment quarantine(FileSystem& files, const SegmentFormat& format, const path& part,
                            const Error& error) {
  RecoveredSegment result{part, RecoveryOutcome::kQuarantined, {}, 0, describe(error)};
  const path directory = part.parent_path() / "quarantine";
  if (!files.make_directories(directory)) {
    result.outcome = RecoveryOutcome::kFailed;
    return result;
  }
  std::string name = part.filename().string();
  for (int number = 2; files.exists(directory / name); ++number) {
    name = fmt::format("{}_{}", part.filename().string(), number);
  }
  if (auto moved = files.rename(part, directory / name); !moved) {
    result.outcome = RecoveryOutcome::kFailed;
    return result;
  }
  const path stem = part.parent_path() / part.stem().stem();
  for (const std::string_view extension : format.companions) {
    const std::string companion = stem.filename().string() + std::string(extension) + ".part";
    static_cast<void>(files.rename(part.parent_path() / companion, directory / companion));
  }
  const std::string note =
      fmt::format("{}: recovery did not understand {}: {}\n", iso_time(system_clock().utc_ns()),
                  part.string(), result.note);
  static_cast<void>(
      write_new_file(files, directory / (name + ".why"), std::as_bytes(std::span(note))));
  result.result = directory / name;
  return result;
}

RecoveredSegment finish(FileSystem& files, const SegmentFormat& format, const path& part,
                        std::int64_t frames) {
  RecoveredSegment result{part, RecoveryOutcome::kFinished, {}, frames, {}};
  if (frames == 0) {
    result.outcome = RecoveryOutcome::kEmpty;
    if (auto removed = remove_empty_part(files, format, part); !removed) {
      result.outcome = RecoveryOutcome::kFailed;
      result.note = describe(removed.error());
    }
    return result;
  }
  SegmentEvents events = read_events(files, events_path(part));
  const Accounting accounting = accounting_of(frames, events.gaps);
  const auto finished =
      finish_part(files, format, {part, frames, "recovered", std::move(events), accounting, {}});
  if (finished) {
    result.result = finished->path;
  } else {
    result.outcome = RecoveryOutcome::kFailed;
    result.note = describe(finished.error());
  }
  return result;
}

bool is_part(const path& file) { return file.extension() == ".part" && format_of(file) != nullptr; }

/// Companions of interrupted finishing whose segment is complete.
void clear_leftover(FileSystem& files, const path& file) {
  const std::string name = file.filename().string();
  const path directory = file.parent_path();
  const auto segment_is_finished = [&](const std::string& segment) {
    return files.exists(directory / segment) && !files.exists(directory / (segment + ".part"));
  };
  const bool undo = name.ends_with(".undo") && segment_is_finished(name.substr(0, name.size() - 5));
  const bool log =
      name.ends_with(".events") && segment_is_finished(name.substr(0, name.size() - 7));
  const bool space = name.starts_with(".") && name.ends_with(".undo-space") &&
                     segment_is_finished(name.substr(1, name.size() - 12));
  const bool json = name.ends_with(".json.part") &&
                    segment_is_finished(name.substr(0, name.size() - 10) + ".raw");
  if (undo || log || space || json) static_cast<void>(files.remove(file));
}

/// A prepared segment of no living daemon: removed, or moved into the base when it holds frames.
std::optional<path> clear_prepared(FileSystem& files, const path& ready, const path& base) {
  const SegmentFormat* format = format_of(path(ready).replace_extension());
  if (format == nullptr) return std::nullopt;
  const path stem = ready.parent_path() / ready.stem().stem();
  if (ready.extension() == ".ready") {
    // Readers know .part names; the prepared files carry the same bytes.
    const path part =
        base / ("recovered_" + stem.filename().string() + std::string(format->extension) + ".part");
    auto fd = files.open(ready, O_RDWR);
    if (!fd || !files.lock(fd->get())) return std::nullopt;
    for (const std::string_view extension : format->companions) {
      const path companion = stem.string() + std::string(extension);
      static_cast<void>(
          files.rename(companion.string() + ".ready",
                       base / ("recovered_" + companion.filename().string() + ".part")));
    }
    static_cast<void>(
        files.remove(ready.parent_path() / ("." + ready.stem().string() + ".undo-space")));
    if (files.rename(ready, part)) return part;
    return std::nullopt;
  }
  static_cast<void>(files.remove(ready));
  return std::nullopt;
}

/// Everything below `.framelog/INSTRUMENT` of one base, unless a living daemon holds that
/// instrument's lock.
std::vector<path> clear_workshop(FileSystem& files, const path& workshop, const path& base) {
  std::vector<path> parts;
  auto lock = files.open(workshop / "lock", O_RDWR);
  if (!lock || !files.lock(lock->get())) return parts;
  const auto names = files.list(workshop);
  if (!names) return parts;
  for (const std::string& name : *names) {
    const path file = workshop / name;
    if (file.extension() == ".ready" && format_of(path(file).replace_extension()) != nullptr) {
      if (auto part = clear_prepared(files, file, base)) parts.push_back(*part);
    }
  }
  for (const std::string& name : *names) {
    if (name != "lock" && name != "runs" && files.exists(workshop / name)) {
      static_cast<void>(files.remove(workshop / name));
    }
  }
  return parts;
}

void walk(FileSystem& files, const path& directory, std::vector<path>& parts) {
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  std::vector<path> found;
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    found.push_back(entries->path());
  }
  std::ranges::sort(found);
  for (const path& file : found) {
    if (std::filesystem::is_symlink(file, error)) continue;
    if (std::filesystem::is_directory(file, error)) {
      if (file.filename() == ".framelog") {
        for (const auto& workshop : std::filesystem::directory_iterator(file, error)) {
          const auto moved = clear_workshop(files, workshop.path(), directory);
          parts.insert(parts.end(), moved.begin(), moved.end());
        }
      } else if (file.filename() != "quarantine") {
        walk(files, file, parts);
      }
    } else if (is_part(file)) {
      parts.push_back(file);
    } else {
      clear_leftover(files, file);
    }
  }
}

}  // namespace

Result<std::int64_t> trusted_frames(FileSystem& files, const path& part) {
  const SegmentFormat* format = format_of(part);
  if (format == nullptr)
    return fail(ErrorCode::kInvalid, "not a segment of framelog:", part.string());
  auto reader = format->open(files, part);
  if (!reader) return std::unexpected(reader.error());
  return trusted(**reader);
}

RecoveredSegment recover_part(FileSystem& files, const path& part) {
  const SegmentFormat* format = format_of(part);
  if (format == nullptr) {
    return {part,
            RecoveryOutcome::kFailed,
            {},
            0,
            "not a segment of framelog (NAME.h5.part or NAME.raw.part)"};
  }
  auto lock = take_lock(files, *format, part);
  if (!lock) {
    if (lock.error().code == ErrorCode::kBusy) {
      return {part, RecoveryOutcome::kInUse, {}, 0, "being recorded by a living framelogd"};
    }
    if (lock.error().code != ErrorCode::kNotFound || !files.exists(part)) {
      return {part, RecoveryOutcome::kFailed, {}, 0, describe(lock.error())};
    }
    return quarantine(files, *format, part, lock.error());
  }
  if (auto undone = format->undo(files, part); !undone) {
    if (undone.error().code == ErrorCode::kCorrupt)
      return quarantine(files, *format, part, undone.error());
    return {part, RecoveryOutcome::kFailed, {}, 0, describe(undone.error())};
  }
  const auto frames = trusted_frames(files, part);
  if (!frames) return quarantine(files, *format, part, frames.error());
  return finish(files, *format, part, *frames);
}

Result<std::vector<RecoveredSegment>> recover(FileSystem& files, const path& where) {
  std::error_code error;
  const auto status = std::filesystem::status(where, error);
  if (!std::filesystem::exists(status)) return fail_errno(ENOENT, "cannot recover", where.string());
  std::vector<path> parts;
  if (std::filesystem::is_directory(status)) {
    if (auto listed = files.list(where); !listed) return std::unexpected(listed.error());
    walk(files, where, parts);
  } else {
    parts.push_back(where);
  }
  std::vector<RecoveredSegment> results;
  for (const path& part : parts) results.push_back(recover_part(files, part));
  return results;
}

}  // namespace framelog
