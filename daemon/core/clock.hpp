#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace framelog {

/// A point on the monotonic clock until which a call may wait.
using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

/// The two clocks of a recording. Injectable, so that tests can step them. Threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::int64_t utc_ns() const noexcept = 0;        ///< Since 1970, UTC.
  [[nodiscard]] virtual std::int64_t monotonic_ns() const noexcept = 0;  ///< CLOCK_MONOTONIC.
  /// Whether the kernel holds UTC to be disciplined (NTP, PTP, GNSS). A system call.
  [[nodiscard]] virtual bool synchronised() const noexcept = 0;
};

[[nodiscard]] const Clock& system_clock() noexcept;

/// From one moment to another of one clock. A damaged file may tell of any moments: what does not
/// fit wraps around.
[[nodiscard]] constexpr std::int64_t elapsed_ns(std::int64_t from_ns, std::int64_t to_ns) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(to_ns) -
                                   static_cast<std::uint64_t>(from_ns));
}

/// UTC at a moment of the monotonic clock, from where the two are now. A thread that is put aside
/// between reading one and the other reads them again: within 100 us, or the best of some tries.
[[nodiscard]] std::int64_t utc_at(const Clock& clock, std::int64_t monotonic_ns) noexcept;

/// "2026-11-20T16:00:00.123456Z" (ISO 8601, UTC, microseconds).
[[nodiscard]] std::string iso_time(std::int64_t utc_ns);

}  // namespace framelog
