#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/wakeup.hpp"
#include "pipeline/bases.hpp"
#include "pipeline/segment_lane.hpp"
#include "store/retention.hpp"

namespace framelog {

/// Looks after the disks for the files thread: says whether a segment may be prepared on one now,
/// notices that one has gone, and opens it when it is there again. Threads: files; control before
/// it runs.
class DiskKeeper {
 public:
  /// The run's number, which is drawn from that base if the run has none yet.
  using RunNumber = std::function<Result<std::int64_t>(Base&)>;
  struct Refusal {
    DropReason reason{};
    std::string why;
  };

  DiskKeeper(FileSystem& files, const std::vector<SegmentLane*>& lanes, const Bases& bases,
             const RetentionPolicy& policy, RunNumber run_number, const Clock& clock);

  /// The bases that are open now are where the recording begins. A run that is taken over finds
  /// them closed at first. Threads: control.
  void begin();
  /// From now on finished segments may be deleted: the catalog knows all of them. Null: not any
  /// more.
  void set_catalog(std::shared_ptr<Catalog> catalog) noexcept { catalog_ = std::move(catalog); }
  /// Called with each batch of segments that have been deleted.
  void on_deleted(std::function<void(const DeletedSegments&)> call) {
    on_deleted_ = std::move(call);
  }
  /// Called with the base whose disk has gone, or is not there at the beginning: nothing there may
  /// stay open.
  void on_lost(std::function<void(const std::filesystem::path&)> call) {
    on_lost_ = std::move(call);
  }
  /// Called with the base whose disk is there.
  void on_found(std::function<void(const std::filesystem::path&)> call) {
    on_found_ = std::move(call);
  }
  /// Deletes some of what retention's bounds leave no place for, when that is to be looked at
  /// again. True: there may be more.
  [[nodiscard]] bool tidy(Deadline now);
  /// A segment has been finished: the bounds may have been passed.
  void has_finished() noexcept { tidy_at_ = Deadline{}; }

  /// Why the product's next segment cannot be prepared now; none: it may. Gives the lane the run's
  /// number.
  [[nodiscard]] std::optional<Refusal> refusal(SegmentLane& lane);
  /// Preparing a segment found no room although there seemed to be some, as where a quota counts:
  /// deletes the oldest ones where that is wanted. Empty, or why that makes no room.
  [[nodiscard]] std::string make_room_for(SegmentLane& lane);
  /// What is lost while a segment cannot be prepared for that.
  [[nodiscard]] DropReason reason_of(const SegmentLane& lane, const Error& error) const;
  /// Looks at the disks that may come and go, when it is time. With `may_open` those that are there
  /// are opened; the result is what they hold of unfinished segments.
  std::vector<std::filesystem::path> look(Deadline now, bool may_open);
  /// When to look again, and with `may_tidy` when to tidy.
  [[nodiscard]] Deadline next_look(bool may_tidy) const noexcept;
  /// Whether the disk is there that the lane's segments lie on.
  [[nodiscard]] bool is_there(const SegmentLane& lane) const;
  /// Whether the disk of one of the bases is there, or the path is below none that could be away.
  [[nodiscard]] bool is_there(const std::filesystem::path& path) const;

 private:
  /// One base, and the lanes that go there.
  struct Disk {
    std::shared_ptr<Base> base;
    std::vector<SegmentLane*> lanes;
    std::uint64_t opened{};  ///< As the lanes know it; another number: that disk has gone.
    std::string why;         ///< It is not open.
    DropReason reason{DropReason::kNoDisk};
    Deadline open_at{};
  };

  [[nodiscard]] Disk& disk_of(const SegmentLane& lane);
  [[nodiscard]] const Disk& disk_of(const SegmentLane& lane) const;
  [[nodiscard]] static bool is_there(const Disk& disk);
  void lose(Disk& disk);
  [[nodiscard]] bool has_let_go(Disk& disk);
  void open(Disk& disk, std::vector<std::filesystem::path>& found);
  [[nodiscard]] std::vector<std::filesystem::path> unfinished_of(const Base& base);
  [[nodiscard]] std::optional<Refusal> number(SegmentLane& lane, Disk& disk);
  [[nodiscard]] std::optional<Refusal> without_room(SegmentLane& lane, const Disk& disk);
  /// What is missing on the disk for the next segment.
  struct Shortage {
    std::int64_t bytes{};
    std::string why;
  };
  [[nodiscard]] std::optional<Shortage> shortage(SegmentLane& lane, const Disk& disk) const;
  /// Deletes the oldest segments; empty, or why that makes no room.
  [[nodiscard]] std::string make_room(const Disk& disk, std::int64_t bytes);
  [[nodiscard]] Retention::Paths open_bases(const Disk* on_same_file_system) const;
  /// Of the next segments of all products that go to the same file system.
  [[nodiscard]] std::int64_t full_set_bytes(const Disk& disk) const;
  [[nodiscard]] std::int64_t full_set_products(const Disk& disk) const;

  FileSystem& files_;
  std::vector<Disk> disks_;
  RetentionPolicy policy_;
  RunNumber run_number_;
  Retention retention_;
  std::shared_ptr<Catalog> catalog_;
  std::function<void(const DeletedSegments&)> on_deleted_;
  std::function<void(const std::filesystem::path&)> on_lost_;
  std::function<void(const std::filesystem::path&)> on_found_;
  std::string complaint_;     ///< Why nothing could be deleted, the last time.
  std::string told_no_room_;  ///< Why no room could be made, the last time.
  Deadline look_at_{kNoDeadline};
  Deadline tidy_at_{};
};

}  // namespace framelog
