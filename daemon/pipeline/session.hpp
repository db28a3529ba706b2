#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/accounting.hpp"
#include "core/clock.hpp"
#include "core/file_system.hpp"
#include "core/health.hpp"
#include "core/wakeup.hpp"
#include "pipeline/recording_plan.hpp"
#include "pipeline/ring_keeper.hpp"

namespace framelog {

/// How one recording is doing. A snapshot; numbers of one moment.
struct SessionStatus {
  struct Product {
    std::string name;
    Accounting accounting;
    std::uint64_t bytes{};
    std::uint64_t segments{};
    std::uint64_t clipped_pixels{};
    std::string path;                   ///< Of the segment being recorded.
    std::optional<DropReason> blocked;  ///< Why no segment can be prepared or written at present.
  };
  std::vector<Product> products;
  std::uint64_t received{};
  std::uint64_t dropped{};  ///< Of the product that lost most.
  std::uint64_t lost_at_source{};
  std::uint64_t ring_used_slots{};
  std::uint64_t ring_slots{};
  std::uint64_t reconnects{};
  bool source_connected{};
  std::string source_trouble;  ///< Why the source is away.
  std::int64_t source_away_ns{};
  struct SourceCount {
    std::string_view name;  ///< Static, as SourceCounter has them.
    std::string_view help;
    std::uint64_t count{};
  };
  std::vector<SourceCount> source_counts;  ///< Of the driver's own counters.
  bool clock_synchronised{};
  bool in_event{};  ///< Frames are being recorded now: false when armed, or without files.
  std::size_t unfinished_segments{};  ///< Ended, and not finished yet; behind drain(): never.
};

/// A copy of one frame of one product.
struct GrabbedFrame {
  std::string product;
  FrameShape shape;
  FrameInfo info;
  std::vector<std::byte> pixels;  ///< Rows one behind the other, in the machine's byte order.
};

/// One run: owns the ring, the stages and their threads. It starts when it is made by start() and
/// ends with stop(), with the source's end, or when the source changes its geometry.
///
///   source -> CaptureLoop -> Ring -> ReduceLoop (1..n) -> Ring -> WriteLoop -> SegmentLane ->
///   FilesLoop, SyncLoop
///
/// Threads: control, for every call.
class Session {
 public:
  /// Takes the bases' locks, makes the ring, prepares the first segments, and starts the threads;
  /// no frame is read before all of that is done. A disk that is missing where one is required, or
  /// full, is no error: what goes there is dropped until it is there. `source` is open, and
  /// borrowed until the session is gone. Errors: kBusy (another daemon records there), kDenied,
  /// kNoMemory, kIo.
  [[nodiscard]] static Result<std::unique_ptr<Session>> start(FrameSource& source,
                                                              RecordingPlan plan, FileSystem& files,
                                                              const Clock& clock,
                                                              RingKeeper* keeper = nullptr);
  /// Goes on with the run of a process that died: `memory` is its ring, `plan` what its recipe
  /// means. Without a source no frame comes any more: what is in the ring is written, and the run
  /// ends. Errors: kLayout when the plan is of another ring; those of start().
  [[nodiscard]] static Result<std::unique_ptr<Session>> take_over(
      FrameSource* source, RecordingPlan plan, const RunIdentity& run, const UniqueFd& memory,
      FileSystem& files, const Clock& clock, RingKeeper& keeper);
  ~Session();
  /// From now on frames are reduced and filed as this plan says: the open segments end, capture
  /// goes on, no frame is lost while the ring takes what comes meanwhile. An event that lasts ends.
  /// The source is the same. Errors: kLayout when it needs another ring or has other products,
  /// nothing has changed then; those of start().
  [[nodiscard]] Result<void> reload(RecordingPlan plan);
  /// After drain(): how the next session tells what the hardware delivered in between.
  [[nodiscard]] Interruption interrupted(DropReason reason) const;
  /// Frames that a dead process had captured and not yet written.
  [[nodiscard]] std::uint64_t took_over() const noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Asks capture to end; the ring is then drained, and the segments end with `reason`, a static
  /// text. Returns at once. Idempotent: the first reason counts.
  void request_stop(const char* reason = "stop");
  /// Whether capture has ended, by itself or by request.
  [[nodiscard]] bool capture_ended() const;
  /// `wakeup` is notified when capture ends, or at once where it has. Borrowed until drain() has
  /// returned.
  void notify_at_end(Wakeup& wakeup);
  /// Waits until every frame is recorded or dropped, and every segment finished. The result is why
  /// capture ended.
  CaptureEnd drain();
  [[nodiscard]] SessionStatus status() const;
  /// After drain(): why the segments ended, as they say it.
  [[nodiscard]] std::string_view end_reason() const;
  /// After drain() with kGeometry: what the source delivers now.
  [[nodiscard]] std::optional<SourceInfo> new_shape() const;
  /// A trigger or a change of the gate, where frames are recorded around triggers: the first frame
  /// of its time or later is meant. False: too many wait already, try again later. Threads: any.
  [[nodiscard]] bool signal(RecordSignal signal);
  /// Edges of lines, into the open segment of every product, or else into its next one. Threads:
  /// any.
  void note(const LineEdges& edges);
  /// Whether frames are being recorded now. Threads: any.
  [[nodiscard]] bool in_event() const;
  /// The open segments end before the next frame that is written.
  void roll();
  /// Goes into the open segment of every product, or else into its next one. Errors: kInvalid with
  /// what is allowed.
  [[nodiscard]] Result<void> mark(std::string text, std::string author);
  /// One value of a quantity, likewise. Errors: kInvalid, also where the key has had another unit.
  [[nodiscard]] Result<void> set(std::string key, double value, std::string unit);
  /// A copy of the latest frame of a product that is complete in the ring, of one that accumulates
  /// the latest group; empty: of the first product. Errors: kNotFound, kTimeout (frames come faster
  /// than they can be copied).
  [[nodiscard]] Result<GrabbedFrame> grab(const std::string& product) const;
  /// Its number is 0 as long as there was no disk to count runs on.
  [[nodiscard]] RunIdentity run() const;
  [[nodiscard]] const Health& health() const noexcept;
  /// Asks the kernel whether UTC is disciplined, capture flags its frames accordingly; and notes
  /// in the files what the driver has counted since. Once a second is enough.
  void look_around();

 private:
  struct State;
  [[nodiscard]] static Result<std::unique_ptr<Session>> begin(std::unique_ptr<State> state);
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace framelog
