#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/file_system.hpp"
#include "core/health.hpp"
#include "pipeline/files_loop.hpp"
#include "pipeline/recording_plan.hpp"
#include "pipeline/reduce_loop.hpp"
#include "pipeline/segment_lane.hpp"
#include "pipeline/sync_loop.hpp"
#include "pipeline/write_loop.hpp"
#include "store/recovery.hpp"

namespace framelog {

/// All that stands behind capture, with its threads, for as long as one configuration holds:
///
///   Ring -> ReduceLoop (1..n) -> Ring -> WriteLoop -> SegmentLane -> FilesLoop, SyncLoop
///
/// What it knows of the frames lies in the ring, so that another one goes on where it ends: after a
/// reload, or in another process. Threads: control, where nothing else is said.
class Processing {
 public:
  /// What a run has used up before this began.
  struct Before {
    bool took_over{};                    ///< The ring is of a process that died.
    std::vector<std::int64_t> numbered;  ///< By product: the last segment; empty: none.
    std::uint32_t generation{};          ///< Of the configuration in this process.
  };

  /// Where its files go.
  struct Disks {
    Bases bases;  ///< Of the plan.
    DiskKeeper::RunNumber run_number;
  };

  /// Ring, plan and clock are borrowed. The plan has its run.
  Processing(Ring& ring, const RecordingPlan& plan, FileSystem& files, Disks disks, Health& health,
             const Clock& clock, Before before);
  /// Waits for its threads: after pause() or with a closed ring.
  ~Processing();
  Processing(const Processing&) = delete;
  Processing& operator=(const Processing&) = delete;

  /// Opens the segments again that a dead process has left open; the others below `bases` are
  /// recovered beside the recording. Before prepare(). Errors: kBusy when a living process records
  /// them.
  [[nodiscard]] Result<void> take_over();
  /// The first segments. Errors: those of SegmentStore::prepare().
  [[nodiscard]] Result<void> prepare();
  /// The stages, over what the ring says now: nobody else reduces or writes.
  void make_stages();
  /// Starts the threads of the stages. Throws std::system_error. `last_words` is called on the
  /// write thread when the ring was closed and is empty; what it returns goes into the last
  /// segments.
  struct LastWords {
    LossBefore tail;
    std::uint64_t received{};
    std::string_view reason;
    std::vector<Note> notes;
  };
  void run(std::function<LastWords()> last_words);

  /// The threads end, every frame that any reducer has made is written, and the segments end with
  /// `reason`. Capture goes on. Another one can begin then, while this one finishes its files.
  void hand_over(std::string_view reason);
  /// What was asked of this one and not done: triggers, and notes without a segment. Behind
  /// hand_over().
  void give_wishes_to(Processing& next);
  /// Removes the segments that are prepared, to prepare others.
  void discard_prepared() { files_->discard_unused(); }
  /// Ended segments that are not finished.
  [[nodiscard]] std::size_t unfinished() const;
  /// Waits until all is written and finished. Behind hand_over(), or with a closed ring.
  void drain();

  // Threads: any.
  [[nodiscard]] bool signal(RecordSignal signal) { return write_->signal(signal); }
  void roll() { write_->roll(); }
  [[nodiscard]] bool in_event() const { return write_->in_event(); }
  void note(const Note& note);
  /// Null where nothing is recorded.
  [[nodiscard]] SegmentLane* lane(std::size_t product) const { return lanes_[product].get(); }
  /// By product: the last segment that has been opened.
  [[nodiscard]] std::vector<std::int64_t> numbered() const;

 private:
  [[nodiscard]] Result<void> take_over(std::size_t product);
  void recover_others();
  /// What it says of the segment is reported.
  RecoveryOutcome recover_now(const std::filesystem::path& part);

  Ring& ring_;
  FileSystem& file_system_;
  Wakeup files_wakeup_;
  std::vector<std::unique_ptr<SegmentLane>> lanes_;
  std::vector<ProductReduction> reductions_;
  std::deque<ReduceLoop> reducers_;
  std::optional<WriteLoop> write_;
  std::shared_ptr<CatalogKeeper> catalog_;  ///< As the plan's.
  std::optional<FilesLoop> files_;
  std::optional<SyncLoop> sync_;
  Before before_;
  Health& health_;
  const Clock& clock_;
  RecordPolicy record_;
  std::vector<std::jthread> reduce_threads_;
  std::jthread write_thread_;
  std::jthread sync_thread_;
  std::jthread files_thread_;
};

}  // namespace framelog
