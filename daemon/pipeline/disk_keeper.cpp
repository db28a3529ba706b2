#include "pipeline/disk_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "core/log.hpp"
#include "store/leftovers.hpp"
#include "store/recovery.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;

/// Who plugs a disk in, or makes room, sees the recording go on within a second.
constexpr auto kLookInterval = milliseconds(250);
/// Segments become too old without anything happening.
constexpr auto kTidyInterval = std::chrono::minutes(1);
/// What a segment takes of a file system that counts its files.
constexpr std::int64_t kFilesPerSegment = 8;
/// What a segment takes beside its frames: head, what finishing adds, its log; and what grows with
/// each, directories and the catalog.
constexpr std::int64_t kBytesBeside = 1 << 20;

double mebibytes(std::int64_t bytes) { return static_cast<double>(bytes) / 1048576.0; }

DropReason reason_of_base(const Base& base, const Error& error) {
  // No room is ever made for a file that is larger than the file system can have.
  if (error.code == ErrorCode::kNoSpace && error.system_errno != EFBIG) {
    return DropReason::kDiskFull;
  }
  const bool missing = base.requires_mount() && error.code == ErrorCode::kNotFound;
  return missing ? DropReason::kNoDisk : DropReason::kWriteError;
}

/// As the catalog has it.
std::filesystem::path normal(const std::filesystem::path& base) {
  const auto path = std::filesystem::absolute(base).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

bool is_below(const std::filesystem::path& file, const std::filesystem::path& directory) {
  const auto path = normal(file);
  const auto base = normal(directory);
  const auto [end, ignored] = std::mismatch(base.begin(), base.end(), path.begin(), path.end());
  return end == base.end();
}

}  // namespace

DiskKeeper::DiskKeeper(FileSystem& files, const std::vector<SegmentLane*>& lanes,
                       const Bases& bases, const RetentionPolicy& policy, RunNumber run_number,
                       const Clock& clock)
    : files_(files),
      policy_(policy),
      run_number_(std::move(run_number)),
      retention_(files, policy, clock) {
  for (const auto& base : bases) {
    Disk disk{.base = base, .lanes = {}, .opened = 0, .why = {}};
    for (SegmentLane* lane : lanes) {
      if (lane->store().config().base == base->path()) disk.lanes.push_back(lane);
    }
    disks_.push_back(std::move(disk));
  }
}

void DiskKeeper::begin() {
  look_at_ = kNoDeadline;
  for (Disk& disk : disks_) {
    disk.opened = disk.base->is_open() ? disk.base->times_opened() : 0;
    const auto& tell = disk.opened > 0 ? on_found_ : on_lost_;
    if (tell) tell(disk.base->path());
    // What cannot go away, and is there, needs no look.
    if (disk.base->requires_mount() || !disk.base->is_open()) look_at_ = Deadline{};
  }
}

DiskKeeper::Disk& DiskKeeper::disk_of(const SegmentLane& lane) {
  return *std::ranges::find_if(disks_, [&](const Disk& disk) {
    return std::ranges::find(disk.lanes, &lane) != disk.lanes.end();
  });
}

const DiskKeeper::Disk& DiskKeeper::disk_of(const SegmentLane& lane) const {
  return *std::ranges::find_if(disks_, [&](const Disk& disk) {
    return std::ranges::find(disk.lanes, &lane) != disk.lanes.end();
  });
}

bool DiskKeeper::is_there(const Disk& disk) {
  return disk.base->is_open() && disk.base->times_opened() == disk.opened;
}

bool DiskKeeper::is_there(const SegmentLane& lane) const { return is_there(disk_of(lane)); }

bool DiskKeeper::is_there(const std::filesystem::path& path) const {
  return std::ranges::all_of(disks_, [&](const Disk& disk) {
    return !is_below(path, disk.base->path()) || is_there(disk);
  });
}

std::vector<std::filesystem::path> DiskKeeper::look(Deadline now, bool may_open) {
  std::vector<std::filesystem::path> found;
  if (now < look_at_) return found;
  look_at_ = kNoDeadline;
  for (Disk& disk : disks_) {
    disk.base->look();
    if (!is_there(disk)) {
      if (disk.opened > 0) lose(disk);
      if (has_let_go(disk) && may_open) open(disk, found);
    }
    if (disk.base->requires_mount() || !is_there(disk)) look_at_ = now + kLookInterval;
  }
  return found;
}

void DiskKeeper::lose(Disk& disk) {
  log(LogLevel::kError, fmt::format("the disk of {} has gone", disk.base->path().string()));
  disk.opened = 0;
  disk.reason = DropReason::kNoDisk;
  disk.why = fmt::format("the disk of {} has gone", disk.base->path().string());
  catalog_ = nullptr;  // It may lie there; the next round asks for it again.
  if (on_lost_) on_lost_(disk.base->path());
  for (SegmentLane* lane : disk.lanes) lane->lose(std::chrono::steady_clock::now());
}

/// While somebody holds files of the disk that has gone, the same one would come back as dead.
bool DiskKeeper::has_let_go(Disk& disk) {
  bool all = true;
  for (SegmentLane* lane : disk.lanes) all = lane->abandon_retired() && all;
  return all;
}

void DiskKeeper::open(Disk& disk, std::vector<std::filesystem::path>& found) {
  // Before it is locked: what a dead process had prepared goes, and what we had.
  std::vector<std::filesystem::path> unfinished;
  if (disk.base->requires_mount() && !is_disk_missing(files_, disk.base->path())) {
    unfinished = unfinished_of(*disk.base);
  }
  const auto opened = disk.base->open();
  if (!opened) {
    disk.reason = reason_of_base(*disk.base, opened.error());
    disk.why = describe(opened.error());
    return;
  }
  disk.opened = disk.base->times_opened();
  if (on_found_) on_found_(disk.base->path());
  found.insert(found.end(), std::make_move_iterator(unfinished.begin()),
               std::make_move_iterator(unfinished.end()));
  for (SegmentLane* lane : disk.lanes) lane->found_again();
}

std::vector<std::filesystem::path> DiskKeeper::unfinished_of(const Base& base) {
  std::error_code error;
  if (!std::filesystem::is_directory(base.path(), error)) return {};
  Unfinished unfinished = clear_leftovers(files_, base.path());
  std::erase_if(unfinished.parts, [this](const std::filesystem::path& part) {
    return is_being_recorded(files_, part);
  });
  unfinished.parts.insert(unfinished.parts.end(), unfinished.prepared.begin(),
                          unfinished.prepared.end());
  return std::move(unfinished.parts);
}

DropReason DiskKeeper::reason_of(const SegmentLane& lane, const Error& error) const {
  return reason_of_base(*disk_of(lane).base, error);
}

std::optional<DiskKeeper::Refusal> DiskKeeper::refusal(SegmentLane& lane) {
  Disk& disk = disk_of(lane);
  disk.base->look();
  if (!is_there(disk)) {
    if (disk.opened > 0) lose(disk);
    return Refusal{disk.reason, disk.why};
  }
  if (auto refused = without_room(lane, disk)) return refused;
  return number(lane, disk);
}

std::optional<DiskKeeper::Refusal> DiskKeeper::number(SegmentLane& lane, Disk& disk) {
  if (lane.store().is_numbered()) return std::nullopt;
  const auto number = run_number_(*disk.base);
  if (!number) return Refusal{reason_of_base(*disk.base, number.error()), describe(number.error())};
  lane.store().set_run_number(*number);
  return std::nullopt;
}

std::optional<DiskKeeper::Refusal> DiskKeeper::without_room(SegmentLane& lane, const Disk& disk) {
  auto lack = shortage(lane, disk);
  if (!lack) {
    // Free space says nothing where a quota counts.
    if (lane.blocked() != DropReason::kDiskFull) retention_.room_is_there();
    return std::nullopt;
  }
  std::string why_no_more;
  if (policy_.delete_oldest) {
    why_no_more = make_room(disk, lack->bytes);
    lack = shortage(lane, disk);
    if (!lack) return std::nullopt;
    // While it is paused already, only a new reason is worth a line.
    if (lane.blocked() == DropReason::kDiskFull && why_no_more != told_no_room_) {
      log(LogLevel::kWarning, disk.base->path().string() + " is full" + why_no_more);
    }
    told_no_room_ = why_no_more;
  }
  return Refusal{DropReason::kDiskFull, lack->why + why_no_more};
}

std::string DiskKeeper::make_room_for(SegmentLane& lane) {
  const Disk& disk = disk_of(lane);
  if (!policy_.delete_oldest || !is_there(disk)) return "";
  return make_room(disk, kBytesBeside + lane.store().reserved_bytes());
}

/// The first segment that finds too little room needs its own; to go on behind a pause there must
/// be room for all products, so that recording does not stop again at once.
std::optional<DiskKeeper::Shortage> DiskKeeper::shortage(SegmentLane& lane,
                                                         const Disk& disk) const {
  const auto space = files_.space(disk.base->path());
  if (!space) return std::nullopt;  // Preparing says what is wrong.
  const bool paused = lane.blocked() == DropReason::kDiskFull;
  const std::int64_t needed = paused ? full_set_bytes(disk) : lane.store().reserved_bytes();
  const std::int64_t segments = paused ? full_set_products(disk) : 1;
  const std::int64_t files = kFilesPerSegment * segments;
  if (space->free_files >= 0 && space->free_files < files) {
    return Shortage{1,
                    fmt::format("{} has room for {} more files (a segment wants {})",
                                disk.base->path().string(), space->free_files, kFilesPerSegment)};
  }
  const std::int64_t missing =
      policy_.min_free_bytes + segments * kBytesBeside + needed - space->free_bytes;
  if (missing <= 0) return std::nullopt;
  return Shortage{missing,
                  fmt::format("no room: a segment of {} needs {:.0f} MiB, {} has {:.0f} MiB free, "
                              "of which {:.0f} MiB stay free (retention.min_free)",
                              lane.store().config().description.product,
                              mebibytes(lane.store().reserved_bytes()), disk.base->path().string(),
                              mebibytes(space->free_bytes), mebibytes(policy_.min_free_bytes))};
}

std::string DiskKeeper::make_room(const Disk& disk, std::int64_t bytes) {
  if (catalog_ == nullptr) return "; nothing is deleted before the catalog knows what there is";
  const auto deleted = retention_.make_room(*catalog_, open_bases(&disk), bytes);
  if (!deleted) return "; nothing can be deleted: " + describe(deleted.error());
  if (!deleted->segments.empty()) {
    if (on_deleted_) on_deleted_(*deleted);
    return "";
  }
  if (retention_.awaits_room()) return "; what was deleted is not free yet";
  return policy_.require_ack
             ? "; nothing may be deleted: what is left is pinned or not acknowledged"
             : "; nothing may be deleted: what is left is pinned or being recorded";
}

Retention::Paths DiskKeeper::open_bases(const Disk* on_same_file_system) const {
  Retention::Paths paths;
  for (const Disk& disk : disks_) {
    const bool wanted = on_same_file_system == nullptr ||
                        disk.base->device() == on_same_file_system->base->device();
    if (wanted && is_there(disk)) paths.push_back(normal(disk.base->path()));
  }
  return paths;
}

bool DiskKeeper::tidy(Deadline now) {
  if (catalog_ == nullptr || !policy_.has_bounds() || now < tidy_at_) return false;
  tidy_at_ = now + kTidyInterval;
  const auto deleted = retention_.keep_bounds(*catalog_, open_bases(nullptr));
  if (!deleted) {
    const std::string complaint = describe(deleted.error());
    if (complaint != complaint_) log(LogLevel::kError, "cannot delete old segments: " + complaint);
    complaint_ = complaint;
    return false;
  }
  complaint_.clear();
  if (deleted->segments.empty()) return false;
  if (on_deleted_) on_deleted_(*deleted);
  tidy_at_ = Deadline{};
  return true;
}

Deadline DiskKeeper::next_look(bool may_tidy) const noexcept {
  const bool tidies = may_tidy && catalog_ != nullptr && policy_.has_bounds();
  return tidies ? std::min(look_at_, tidy_at_) : look_at_;
}

std::int64_t DiskKeeper::full_set_bytes(const Disk& disk) const {
  std::int64_t bytes = 0;
  for (const Disk& other : disks_) {
    if (other.base->device() != disk.base->device()) continue;
    for (SegmentLane* lane : other.lanes) bytes += lane->store().reserved_bytes();
  }
  return bytes;
}

std::int64_t DiskKeeper::full_set_products(const Disk& disk) const {
  std::int64_t products = 0;
  for (const Disk& other : disks_) {
    if (other.base->device() == disk.base->device()) {
      products += static_cast<std::int64_t>(other.lanes.size());
    }
  }
  return products;
}

}  // namespace framelog
