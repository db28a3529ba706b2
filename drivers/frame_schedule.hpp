#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "drivers/fault_script.hpp"

namespace framelog {

/// A frame that the simulated camera has ready.
struct Arrival {
  std::uint64_t sequence{};
  std::int64_t due_ns{};  ///< Monotonic.
};

/// When the simulated camera has which frame: a period, a buffer, and the faults `lose` and
/// `stall`. A frame that arrives while the buffer is full is lost, as with real hardware. A period
/// of 0 is a camera that exposes on demand: it loses nothing by being read late.
/// Pure: the time is an argument. All times are monotonic and do not go back. Allocates nothing.
class FrameSchedule {
 public:
  static constexpr std::size_t kPending = 8;  ///< Frames in the buffer.

  FrameSchedule(std::int64_t period_ns, const std::vector<Fault>& faults);

  /// The frame after the last one popped is due now: a pause that loses nothing.
  void restart(std::int64_t now_ns) noexcept;
  /// The camera went on without us: all frames due until now are lost, as is every frame before
  /// `at_least`.
  void resume(std::int64_t now_ns, std::uint64_t at_least) noexcept;

  /// Puts what is due into the buffer.
  void advance(std::int64_t now_ns) noexcept;
  /// The oldest frame in the buffer; null when it is empty.
  [[nodiscard]] const Arrival* front() const noexcept;
  void pop() noexcept;
  /// Of the next frame to be popped: its number, unless it gets lost.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept;
  /// When the next frame comes into the buffer.
  [[nodiscard]] std::int64_t next_due_ns() const noexcept;
  /// The time of frame 0, had there been no pause.
  [[nodiscard]] std::int64_t epoch_ns() const noexcept { return epoch_ns_; }

 private:
  void pass_faults(std::int64_t now_ns) noexcept;
  void lose_until(std::int64_t now_ns) noexcept;
  void rewind() noexcept;

  std::int64_t period_ns_;
  std::vector<Fault> losses_;
  std::vector<Fault> stalls_;
  std::size_t next_stall_{0};
  bool started_{false};
  std::int64_t epoch_ns_{0};
  std::int64_t stalled_ns_{0};  // Sum of the stalls passed: the schedule is late by so much.
  std::int64_t ready_ns_{0};    // On demand: no frame before this time.
  std::uint64_t next_{0};       // The next to come into the buffer.
  std::array<Arrival, kPending> buffer_{};
  std::size_t first_{0};
  std::size_t count_{0};
};

}  // namespace framelog
