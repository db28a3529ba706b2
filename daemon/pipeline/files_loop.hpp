#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <vector>

#include "core/health.hpp"
#include "core/wakeup.hpp"
#include "pipeline/catalog_keeper.hpp"
#include "pipeline/disk_keeper.hpp"
#include "pipeline/segment_lane.hpp"
#include "store/input_digests.hpp"

namespace framelog {

/// The housekeeping thread: prepares the next segment of each product (always first), finishes
/// ended ones, and works out the digests of replayed files in between.
class FilesLoop {
 public:
  FilesLoop(std::vector<SegmentLane*> lanes, DiskKeeper disks, InputDigests digests, Wakeup& wakeup,
            Housekeeping& health, const Clock& clock);
  /// Finished segments are told to it, and what it has to do is done when nothing else is.
  /// Borrowed. Threads: control, before run().
  void keep_catalog(CatalogKeeper& catalog) { catalog_ = &catalog; }
  /// Prepares one segment for each product before recording starts. A product whose disk is missing
  /// or full waits for it. Threads: control, before run(). Errors: others than that, of
  /// SegmentStore::prepare().
  [[nodiscard]] Result<void> prepare_first();
  /// Removes the prepared segments that nobody has opened. Threads: files; control, after run().
  void discard_unused();
  /// Unfinished segments of a dead process, to be finished when nothing else is to do. Threads:
  /// control, before run().
  void recover_later(std::vector<std::filesystem::path> parts);
  /// Threads: files. Returns after drain(), when all that the writers have ended is finished or
  /// failed for good.
  void run();
  /// The writers have ended all segments and open no more. Threads: any.
  void drain() noexcept;

 private:
  [[nodiscard]] bool prepare_next();
  void prepare(SegmentLane& lane);
  /// The product waits, and drops what no open segment takes.
  void block(SegmentLane& lane, DropReason reason, const std::string& why, Deadline retry_at);
  [[nodiscard]] bool finish_next();
  void finish(SegmentLane& lane, OpenSegment& segment);
  [[nodiscard]] bool recover_next();
  void tell_deleted(const DeletedSegments& deleted);
  /// While draining: all is finished, or has been tried often enough.
  [[nodiscard]] bool is_over();
  /// At the end: notes that no segment could take.
  void tell_unplaced();
  [[nodiscard]] bool may_wait_for_digests(bool draining);

  std::vector<SegmentLane*> lanes_;
  DiskKeeper disks_;
  std::deque<std::filesystem::path> leftovers_;
  InputDigests digests_;
  CatalogKeeper* catalog_{};  ///< Null: none.
  Wakeup& wakeup_;
  Housekeeping& health_;
  const Clock& clock_;
  std::atomic<bool> draining_{false};
  int failures_while_draining_{};
  Deadline drained_since_{};
};

}  // namespace framelog
