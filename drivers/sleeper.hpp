#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "core/clock.hpp"
#include "core/frame.hpp"
#include "core/wakeup.hpp"

namespace framelog {

/// How drivers that make their own pace wait: for a time of the monotonic clock, until cancelled.
/// The clock is borrowed. Threads: capture, except cancel().
class Sleeper {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  explicit Sleeper(const Clock& clock) noexcept : clock_(clock) {}

  /// True as soon as clock.monotonic_ns() is at `due_ns` or beyond, even behind the deadline. False
  /// when the deadline has passed, or at once after cancel().
  [[nodiscard]] bool wait_until(std::int64_t due_ns, Deadline deadline) noexcept;
  /// Ends the wait in progress, or else the next one. Threads: any.
  void cancel() noexcept;

 private:
  const Clock& clock_;
  Wakeup wakeup_;
  std::atomic<bool> cancelled_{false};
};

/// Sets both times of `info` to what the clocks showed, or will show, at the monotonic time
/// `due_ns`.
void set_times(FrameInfo& info, const Clock& clock, std::int64_t due_ns) noexcept;

}  // namespace framelog
