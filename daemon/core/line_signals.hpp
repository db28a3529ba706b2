#pragma once

#include <atomic>
#include <cstdint>

#include "core/wakeup.hpp"

namespace framelog {

/// What capture and whoever drives the GPIO lines tell each other. It outlives every session.
struct LineSignals {
  /// Of the lines now, a bit each (LineRole); goes into each frame. Threads: lines and strobe
  /// write, capture reads. Orders nothing: a level is a fact of its own.
  std::atomic<std::uint64_t> levels{0};
  /// Frames that have come from the source, dropped ones too. Threads: capture writes.
  std::atomic<std::uint64_t> frames{0};
  /// Whether somebody waits for frames: without a strobe they cost no wake-up.
  std::atomic<bool> wants_frames{false};
  Wakeup frame_came;
};

}  // namespace framelog
