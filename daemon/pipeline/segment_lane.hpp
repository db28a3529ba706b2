#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.hpp"
#include "core/frame.hpp"
#include "core/wakeup.hpp"
#include "store/segment_store.hpp"

namespace framelog {

/// What somebody told the recorder, for the file.
using Note = std::variant<EventEntry, QuantityEntry, LineEdges>;

/// Hands the segments of one product from thread to thread:
///
///   files: prepare -> [ready] -> write: open ... retire -> [retired] -> files: finish
///                                   sync: lease ... give back
///
/// The mutex is held for moments only, never over a call to the disk, and never taken per frame.
class SegmentLane {
 public:
  SegmentLane(SegmentStore store, Wakeup& files_wakeup)
      : store_(std::move(store)), files_wakeup_(files_wakeup) {}

  [[nodiscard]] SegmentStore& store() noexcept { return store_; }

  // Threads: write.
  /// The next prepared segment; none while there is not yet one.
  [[nodiscard]] std::optional<PreparedSegment> take_ready();
  /// What was taken could not be opened.
  void not_opened();
  /// Waits until one is ready or preparing failed. False when the deadline passed first.
  bool wait_ready(Deadline deadline);
  /// Why none can be prepared at present; the files thread goes on trying.
  [[nodiscard]] std::optional<DropReason> blocked();
  /// The disk that the open segment lies on has gone: it is to be retired.
  [[nodiscard]] bool is_lost() const noexcept { return lost_.load(std::memory_order_relaxed); }
  /// Makes an open segment the one that sync() sees; it stays the write thread's.
  OpenSegment& open(std::unique_ptr<OpenSegment> segment);
  void retire();

  // Threads: write, before it runs: of a process that died.
  /// The open segment of that number; null where it is none.
  [[nodiscard]] OpenSegment* active(std::int64_t number);
  /// Frames of this run below it are in files already.
  [[nodiscard]] std::int64_t in_file_to() const noexcept { return in_file_to_; }

  // Threads: control, before the others begin: of a process that died.
  /// Its segments had numbers up to `numbered`.
  void take_over(std::int64_t in_file_to, std::int64_t numbered) noexcept;

  // Threads: sync.
  /// Segments whose frames may not be on the disk yet; none of them is finished until they are
  /// given back.
  [[nodiscard]] std::vector<OpenSegment*> lease();
  void give_back();

  // Threads: files.
  [[nodiscard]] bool wants_segment(Deadline now);
  [[nodiscard]] std::int64_t next_number();
  void put_ready(PreparedSegment segment);
  void put_failure(DropReason reason, Deadline retry_at);
  /// The disk has gone: what is prepared is let go, and the write thread told to retire what is
  /// open.
  void lose(Deadline retry_at);
  /// Lets go of the retired segments without finishing them: on their disk they are what a dead
  /// process leaves. False while segments are open, about to be, or leased: more are to come.
  bool abandon_retired();
  /// Segments that were let go and not found again.
  [[nodiscard]] std::size_t abandoned();
  void found_again();
  /// The oldest retired segment whose retry has not to wait, once nobody syncs; null when there is
  /// none.
  [[nodiscard]] OpenSegment* next_retired(Deadline now);
  void finished();                       ///< The one that next_retired() gave is done.
  void finish_later(Deadline retry_at);  ///< It failed; try again then, the others meanwhile.
  [[nodiscard]] std::size_t retired_count();
  /// Whether there is a retired segment whose retry has not to wait.
  [[nodiscard]] bool is_finish_due(Deadline now);
  /// When there is something to do again, unless that is announced by the wakeup.
  [[nodiscard]] Deadline next_retry(bool may_prepare);
  [[nodiscard]] std::optional<PreparedSegment> take_unused();

  /// Puts the notes that have come since into the log of the open segment; without one they wait
  /// for the next.
  void write_notes();
  /// Notes behind which no segment was opened. Threads: files, when the write thread has ended.
  [[nodiscard]] std::vector<Note> take_unplaced();

  /// For the segment that is open now, or else the next one; of edges the last kMostEdges, the
  /// others are counted. Threads: any.
  void note(Note note);
  /// Number of the last segment that was opened. Threads: any.
  [[nodiscard]] std::int64_t opened();
  /// Path of the segment being recorded, for status. Threads: any.
  [[nodiscard]] std::string active_path();

 private:
  struct Retired {
    std::unique_ptr<OpenSegment> segment;
    Deadline finish_at{};
    std::vector<Note> notes{};  ///< That came while it was open, and are not in its log yet.
  };

  void add_to_log(OpenSegment& segment, const std::vector<Note>& notes);
  void keep_edges(const LineEdges& lines);
  [[nodiscard]] std::vector<Note> take_notes();
  [[nodiscard]] bool has_notes() const noexcept;

  SegmentStore store_;
  Wakeup& files_wakeup_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<PreparedSegment> ready_;
  std::optional<DropReason> failure_;
  Deadline prepare_at_{};
  std::int64_t numbered_{};
  std::int64_t opened_{};
  std::int64_t in_file_to_{};
  std::unique_ptr<OpenSegment> active_;
  std::vector<Note> notes_;
  std::deque<LineEdge>
      edges_;  ///< The newest: while nothing is recorded there is no bound in time.
  std::uint64_t edges_left_out_{};
  std::deque<Retired> retired_;
  std::unique_ptr<OpenSegment> finishing_;
  std::size_t abandoned_{};
  bool leased_{};
  bool in_hand_{};                 ///< The write thread has taken what was ready, and may open it,
  bool hand_is_old_{};             ///< though its disk has gone.
  std::atomic<bool> lost_{false};  ///< Orders nothing: the mutex does.
};

}  // namespace framelog
