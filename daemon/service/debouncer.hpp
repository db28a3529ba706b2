#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "service/gpio_chips.hpp"

namespace framelog {

/// Lets an edge through when its level has stayed for a time, with the edge's own time: a contact
/// that bounces is one edge, and so late comes no sooner than that time. By the events' times
/// alone, so that both versions of libgpiod debounce alike. Threads: one at a time.
class Debouncer {
 public:
  /// Without a time every edge passes. `active`: the level at first.
  Debouncer(std::chrono::nanoseconds stable, bool active) noexcept
      : stable_ns_(stable.count()), active_(active) {}

  /// The next event of the line. What it returns is an edge that counts: this one, or one before
  /// it that has stayed long enough.
  [[nodiscard]] std::optional<LineEvent> take(const LineEvent& event) noexcept;
  /// The edge that has stayed long enough by now, when all events before now have been taken.
  [[nodiscard]] std::optional<LineEvent> due(std::int64_t now_ns) noexcept;
  /// When due() has something to return, should nothing happen until then.
  [[nodiscard]] std::optional<std::int64_t> deadline_ns() const noexcept;
  /// Edges that were not let through.
  [[nodiscard]] std::uint64_t bounces() const noexcept { return bounces_; }

 private:
  std::int64_t stable_ns_;
  bool active_;  ///< The level that counts.
  std::optional<LineEvent> pending_;
  std::uint64_t bounces_{};
};

}  // namespace framelog
