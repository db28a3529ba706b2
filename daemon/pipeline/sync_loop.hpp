#pragma once

#include <chrono>
#include <stop_token>
#include <vector>

#include "core/health.hpp"
#include "core/wakeup.hpp"
#include "pipeline/segment_lane.hpp"

namespace framelog {

/// Makes what was written safe from a power cut: fdatasync of every open segment, once per
/// interval.
class SyncLoop {
 public:
  SyncLoop(std::vector<SegmentLane*> lanes, std::chrono::nanoseconds interval, Housekeeping& health,
           const Clock& clock);
  /// Threads: sync.
  void run(const std::stop_token& stop);

 private:
  /// False when a segment could not be synced.
  [[nodiscard]] bool sync(SegmentLane& lane);

  std::vector<SegmentLane*> lanes_;
  std::chrono::nanoseconds interval_;
  Housekeeping& health_;
  const Clock& clock_;
  Wakeup stopped_;
  bool failing_{};
};

}  // namespace framelog
