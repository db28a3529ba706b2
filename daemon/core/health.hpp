#pragma once

#include <atomic>
#include <cstdint>

#include "core/frame.hpp"
#include "core/histogram.hpp"

namespace framelog {

/// How one stage is doing. A stage beats by `busy_since`: zero while it waits, so an idle
/// instrument is healthy. Written by its stage, read by control.
struct StageHealth {
  std::atomic<std::int64_t> busy_since_ns{0};  ///< Monotonic; 0: waiting for work.
  std::atomic<bool> in_disk_call{false};       ///< Slow, but no reason to die.
  Histogram seconds;                           ///< How long each piece of work took.

  void begin(std::int64_t now_ns) noexcept {
    busy_since_ns.store(now_ns, std::memory_order_relaxed);
  }
  void rest() noexcept { busy_since_ns.store(0, std::memory_order_relaxed); }
};

/// Of one recording. Threads: any.
struct Health {
  StageHealth capture;
  StageHealth reduce;
  StageHealth write;
  StageHealth sync;
  StageHealth files;
  /// From a frame's capture until it cannot be lost to a power cut.
  Histogram capture_to_disk;
  std::atomic<bool> source_connected{false};
  std::atomic<bool> clock_synchronised{false};
  /// What capture gives as the reason when the ring is full: the writer says what it is waiting
  /// for.
  std::atomic<DropReason> full_because{DropReason::kRingFull};
};

}  // namespace framelog
