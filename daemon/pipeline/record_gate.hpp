#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

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
  std::optional<StatisticTrigger> trigger;  ///< None: by command alone.
  Stretch before{std::uint64_t{0}};         ///< Of the trigger's frame.
  Stretch after{std::uint64_t{0}};
  bool extend{true};  ///< A trigger during an event lengthens it.
  std::chrono::nanoseconds hold_off{};
  std::optional<std::chrono::nanoseconds> max_event;
  // kSchedule:
  std::chrono::nanoseconds repeat{};
  std::chrono::nanoseconds length{};  ///< 0: one frame.
};

/// Decides, frame by frame and in order, which frames an armed recorder keeps. A trigger is a
/// command, or a frame at which the condition becomes true; with `extend` an event lasts as long as
/// the condition holds, and `after` from then on. A frame of which the condition's product has no
/// result leaves it as it was. Times are the frames' own. Threads: write, except trigger().
class RecordGate {
 public:
  /// What a frame changes: an event ends before it, or begins with what is kept before it.
  struct Change {
    bool ends{};
    bool begins{};
    [[nodiscard]] bool any() const noexcept { return ends || begins; }
  };

  /// All that it remembers of the frames that it has seen.
  struct State {
    std::int64_t commanded_ns{-1};
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

  /// The next reduced frame, which is flagged if it begins or extends an event.
  [[nodiscard]] Change look(std::uint64_t sequence) noexcept;
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
  /// The next frame from now on is a trigger. Threads: any.
  void trigger(std::int64_t monotonic_ns) noexcept;

  /// Frames before a trigger that a ring of `slots` can keep.
  [[nodiscard]] static std::uint64_t most_kept(std::uint64_t slots) noexcept;

 private:
  [[nodiscard]] Change look_scheduled(const FrameInfo& info) noexcept;
  [[nodiscard]] Change look_triggered(SlotHeader& header) noexcept;
  [[nodiscard]] bool is_commanded(const FrameInfo& info) noexcept;
  [[nodiscard]] bool is_over(const FrameInfo& info, bool still_holds) const noexcept;
  [[nodiscard]] std::uint64_t first_before(std::uint64_t sequence, std::int64_t trigger_ns,
                                           std::uint64_t oldest) noexcept;

  Ring& ring_;
  RecordPolicy policy_;
  State state_;
  std::atomic<std::int64_t> commanded_ns_{-1};
};

}  // namespace framelog
