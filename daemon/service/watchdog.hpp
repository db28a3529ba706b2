#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/health.hpp"

namespace framelog {

/// A stage that is at one piece of work for too long.
struct Hang {
  std::string_view stage;   ///< "reduce"
  std::string_view doing;   ///< "reading from the source"; empty: its own work.
  std::int64_t since_ns{};  ///< Monotonic: when that piece began, or a call should have ended.
};

/// The stage that hangs, of several the one that began first: busy for longer than `limit` with
/// something that is not the disk, or so much later than a call to the instrument was asked to
/// be back. Threads: any.
[[nodiscard]] std::optional<Hang> find_hang(const Health& health, std::int64_t now_ns,
                                            std::chrono::nanoseconds limit) noexcept;

/// Without systemd's watchdog.
inline constexpr std::chrono::nanoseconds kDefaultHangLimit = std::chrono::seconds(5);

/// Decides whether systemd is told that all is well, and reports a stage that hangs, once. Behind
/// systemd's interval without a word it kills the process and starts it anew. Threads: control.
class Watchdog {
 public:
  /// `interval`: WatchdogSec, none without. The limit of a hang is half of it.
  explicit Watchdog(std::optional<std::chrono::nanoseconds> interval);

  /// About once a second; `health` is null while no session runs. True: send WATCHDOG=1 now.
  [[nodiscard]] bool tick(const Health* health, std::int64_t now_ns);
  [[nodiscard]] std::chrono::nanoseconds limit() const noexcept { return limit_; }

 private:
  std::optional<std::chrono::nanoseconds> interval_;
  std::chrono::nanoseconds limit_;
  std::optional<std::int64_t> sent_ns_;
  std::optional<std::int64_t> reported_since_ns_;
};

}  // namespace framelog
