#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/frame.hpp"
#include "core/histogram.hpp"
#include "core/line_signals.hpp"

namespace framelog {

inline constexpr std::size_t kMostReducers = 16;

/// How one stage is doing. A stage beats by `busy_since`, the monotonic time at which it began the
/// one piece of work that it is at: zero while it waits for work, so an idle instrument is healthy,
/// and anew for each piece, so that a stage under constant load is. Written by its stage, read by
/// control.
struct alignas(64) StageHealth {
  /// Of a call to the instrument: when it should be back.
  std::atomic<std::int64_t> busy_since_ns{0};
  std::atomic<bool> in_disk_call{false};    ///< Slow, but no reason to die.
  std::atomic<const char*> doing{nullptr};  ///< Static text where the stage alone says little.
  Histogram seconds;                        ///< How long each piece of work took.

  /// A piece of work begins, and the one before it ends.
  void begin(std::int64_t now_ns) noexcept {
    observe(now_ns);
    start(now_ns, nullptr);
    began_ns_ = now_ns;
  }
  /// A call to the instrument begins, which was asked to take `may_take_ns` at most, and the piece
  /// of work before it ends. What it takes is not the stage's own work.
  void call(const char* what, std::int64_t now_ns, std::int64_t may_take_ns) noexcept {
    observe(now_ns);
    start(now_ns + may_take_ns, what);
  }
  /// Nothing to do until somebody else has made progress; the piece of work ends.
  void rest(std::int64_t now_ns) noexcept {
    observe(now_ns);
    start(0, nullptr);
  }

 private:
  void start(std::int64_t since_ns, const char* what) noexcept {
    doing.store(what, std::memory_order_relaxed);
    busy_since_ns.store(since_ns, std::memory_order_relaxed);
  }
  void observe(std::int64_t now_ns) noexcept {
    if (began_ns_ != 0) seconds.observe(now_ns - began_ns_);
    began_ns_ = 0;
  }

  std::int64_t began_ns_{0};  // 0: none of its own. Threads: the stage.
};

/// While it lives the stage waits for the disk. Behind it the stage counts as busy from anew: how
/// long the disk took is not held against it. Threads: the stage. They may be nested.
class DiskCall {
 public:
  explicit DiskCall(StageHealth& health) noexcept
      : health_(health), outermost_(!health.in_disk_call.load(std::memory_order_relaxed)) {
    health_.in_disk_call.store(true, std::memory_order_relaxed);
  }
  DiskCall(const DiskCall&) = delete;
  DiskCall& operator=(const DiskCall&) = delete;
  ~DiskCall() {
    if (!outermost_) return;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (health_.busy_since_ns.load(std::memory_order_relaxed) != 0) {
      health_.busy_since_ns.store(std::chrono::nanoseconds(now).count(), std::memory_order_relaxed);
    }
    // Pairs with the acquire in find_hang(): who sees the call ended sees the new time.
    health_.in_disk_call.store(false, std::memory_order_release);
  }

 private:
  StageHealth& health_;
  bool outermost_;
};

/// Of the threads that look after the files. After a reload those of the configuration before still
/// finish theirs.
struct Housekeeping {
  StageHealth sync;
  StageHealth files;
  /// From a frame's capture until it cannot be lost to a power cut: for each segment and sync, that
  /// of the oldest frame. Threads: sync writes.
  Histogram capture_to_disk;
  /// As `capture_to_disk`, of segments that were safe when they were finished. Threads: files
  /// writes.
  Histogram capture_to_finished;
  std::atomic<std::uint64_t> deleted_segments{0};  ///< By retention. Threads: files writes.
};

/// Of one recording. Threads: any.
struct Health {
  StageHealth capture;
  std::array<StageHealth, kMostReducers> reduce;
  StageHealth write;
  std::array<Housekeeping, 2> housekeeping;  ///< In turn, from reload to reload.
  std::atomic<bool> source_connected{false};
  std::atomic<bool> clock_synchronised{false};
  LineSignals* lines{nullptr};  ///< Of the GPIO lines; null: there are none. Set before capture.
  /// What capture gives as the reason when the ring is full: the writer says what it is waiting
  /// for.
  std::atomic<DropReason> full_because{DropReason::kRingFull};
};

}  // namespace framelog
