#include "pipeline/sync_loop.hpp"

#include <utility>

#include "core/log.hpp"

namespace framelog {

SyncLoop::SyncLoop(std::vector<SegmentLane*> lanes, std::chrono::nanoseconds interval,
                   Housekeeping& health, const Clock& clock)
    : lanes_(std::move(lanes)), interval_(interval), health_(health), clock_(clock) {}

void SyncLoop::run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { stopped_.notify(); });
  while (!stop.stop_requested()) {
    const Wakeup::Ticket ticket = stopped_.ticket();
    if (stop.stop_requested()) break;
    stopped_.wait(ticket, std::chrono::steady_clock::now() + interval_);
    health_.sync.begin(clock_.monotonic_ns());
    bool failed = false;
    for (SegmentLane* lane : lanes_) failed |= !sync(*lane);
    failing_ = failed;
    health_.sync.rest(clock_.monotonic_ns());
  }
}

bool SyncLoop::sync(SegmentLane& lane) {
  bool good = true;
  const DiskCall call(health_.sync);
  for (OpenSegment* segment : lane.lease()) {
    const std::int64_t oldest_ns = segment->unsynced.take();
    const auto synced = lane.store().sync(*segment);
    if (!synced) segment->unsynced.note(oldest_ns);
    if (synced && oldest_ns != 0) {
      health_.capture_to_disk.observe(clock_.monotonic_ns() - oldest_ns);
    }
    if (!synced && good && !failing_) {
      log(LogLevel::kError,
          "cannot sync " + segment->part.string() + ": " + describe(synced.error()));
    }
    good = good && synced;
  }
  lane.give_back();
  return good;
}

}  // namespace framelog
