#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "pipeline/pending_signals.hpp"
#include "pipeline/ring.hpp"

namespace framelog {

enum class RecordStart : std::uint8_t { kAlways, kTrigger, kSchedule };

/// A condition on one statistic of one product: "frames.mean > 120".
struct StatisticTrigger {
  enum class Statistic : std::uint8_t { kMin, kMax, kMean, kStd, kSum, kSaturated };
  enum class Comparison : std::uint8_t { kAbove, kAtLeast, kBelow, kAtMost };
  std::size_t product{};  ///< Its index in the ring.
  Statistic statistic{};
  Comparison comparison{};
  double value{};

  /// NaN fulfils nothing.
  [[nodiscard]] bool holds(const FrameStatistics& statistics) const noexcept;
};

/// A stretch of frames, by number or by time.
using Stretch = std::variant<std::uint64_t, std::chrono::nanoseconds>;

/// Which frames are recorded.
struct RecordPolicy {
  RecordStart start{RecordStart::kAlways};
  // kTrigger:
  std::optional<StatisticTrigger> trigger;  ///< None: by command or signal alone.
  bool gate{};       ///< The condition is the gate line; else its signals mean nothing.
  bool gate_open{};  ///< The level of the gate line now: it is a signal before the first frame.
  /// A signal may come so much later than the frames of its time, which are kept for it. 0: it
  /// counts from the next frame on.
  std::chrono::nanoseconds latency{};
  Stretch before{std::uint64_t{0}};  ///< Of the trigger's frame.
  Stretch after{std::uint64_t{0}};
  bool extend{true};  ///< A trigger during an event lengthens it.
  std::chrono::nanoseconds hold_off{};
  std::optional<std::chrono::nanoseconds> max_event;
  // kSchedule:
  std::chrono::nanoseconds repeat{};
  std::chrono::nanoseconds length{};  ///< 0: one frame.
};

/// Decides, frame by frame and in order, which frames an armed recorder keeps. A trigger is a
/// signal (a command, an edge of a line), or a frame at which the condition becomes true; with
/// `extend` an event lasts as long as the condition holds, and `after` from then on. The condition
/// is a statistic, or the gate line being active. A frame of which the condition's product has no
/// result leaves it as it was. Times are the frames' own; the frame of a signal is the first one
/// of its time or later. Threads: write, except signal() and pending().
class RecordGate {
 public:
  /// What a frame changes: an event ends before it, or begins with what is kept before it.
  struct Change {
    bool ends{};
    bool begins{};
    /// Nothing has changed: a signal has come that is older than this frame, which is to be looked
    /// at again behind those from here on.
    std::optional<std::uint64_t> again_from{};
    [[nodiscard]] bool any() const noexcept { return ends || begins; }
  };

  /// All that it remembers of the frames that it has seen.
  struct State {
    std::int64_t commanded_ns{-1};  ///< The first signal that no frame has been yet.
    RecordSignal::Kind commanded_kind{};
    bool recording{};
    bool condition{};  ///< Held at the last frame that could tell.
    std::uint64_t trigger_sequence{};
    std::int64_t trigger_ns{};  ///< Of the last trigger of the event.
    std::int64_t begun_ns{};
    std::optional<std::int64_t> armed_from_ns;  ///< Behind the last event's hold-off.
    std::optional<std::int64_t> anchor_ns;      ///< Of the schedule: the first frame.
    std::int64_t interval{-1};  ///< Of the schedule: the last one that was recorded.
  };

  RecordGate(Ring& ring, const RecordPolicy& policy) noexcept;
  /// What the process after needs to decide as this one.
  [[nodiscard]] State state() const noexcept;
  void take_over(const State& state) noexcept;

  /// The next reduced frame, which is flagged if it begins or extends an event. `oldest` is the
  /// first frame that is still there.
  [[nodiscard]] Change look(std::uint64_t sequence, std::uint64_t oldest) noexcept;
  /// Whether the frame looked at last belongs to an event.
  [[nodiscard]] bool recording() const noexcept { return state_.recording; }
  /// The first frame of an event that begins with the trigger frame `sequence`: not below `oldest`,
  /// nor so far back that the ring could not take new frames.
  [[nodiscard]] std::uint64_t first_of_event(std::uint64_t sequence, std::uint64_t oldest) noexcept;
  /// While nothing is recorded: the first frame that an event could want whose trigger is frame
  /// `next`, which has not come yet.
  [[nodiscard]] std::uint64_t first_to_keep(std::uint64_t next, std::uint64_t oldest) noexcept;
  /// Each event ends its segments.
  [[nodiscard]] bool rolls_at_end() const noexcept {
    return policy_.start == RecordStart::kTrigger;
  }
  /// Waits for the first frame of its time or later. False: too many wait already, try again later.
  /// Threads: any.
  [[nodiscard]] bool signal(RecordSignal signal) noexcept { return signals_.push(signal); }
  /// Signals that no frame has been yet. Threads: any; to pop them: write.
  [[nodiscard]] PendingSignals& pending() noexcept { return signals_; }

  /// Frames before a trigger that a ring of `slots` can keep.
  [[nodiscard]] static std::uint64_t most_kept(std::uint64_t slots) noexcept;

 private:
  [[nodiscard]] Change look_scheduled(const FrameInfo& info) noexcept;
  [[nodiscard]] Change look_triggered(SlotHeader& header, std::uint64_t oldest) noexcept;
  [[nodiscard]] std::uint64_t trigger_frame(std::uint64_t sequence,
                                            std::optional<std::int64_t> commanded_ns,
                                            const Change& change, std::uint64_t oldest) noexcept;
  void mark_trigger(std::uint64_t sequence) noexcept;
  [[nodiscard]] std::uint64_t frame_of(std::int64_t time_ns, std::uint64_t sequence,
                                       std::uint64_t oldest) noexcept;
  [[nodiscard]] std::optional<std::uint64_t> missed_frame(std::uint64_t sequence,
                                                          std::uint64_t oldest) noexcept;
  [[nodiscard]] std::optional<std::int64_t> take_signals(const FrameInfo& info) noexcept;
  [[nodiscard]] bool is_over(const FrameInfo& info, bool still_holds) const noexcept;
  [[nodiscard]] std::uint64_t first_before(std::uint64_t sequence, std::int64_t trigger_ns,
                                           std::uint64_t oldest) noexcept;

  Ring& ring_;
  RecordPolicy policy_;
  State state_;
  PendingSignals signals_;
};

}  // namespace framelog
