#include "core/event.hpp"

#include <mutex>
#include <utility>

#include "core/clock.hpp"

namespace framelog {
namespace {

struct Listener {
  std::mutex mutex;
  std::function<void(const Event&)> call;
};

Listener& listener() {
  static Listener the_one;
  return the_one;
}

}  // namespace

std::string_view name_of(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::kStarted:
      return "recording-started";
    case EventKind::kStopped:
      return "recording-stopped";
    case EventKind::kSegmentFinished:
      return "segment-finished";
    case EventKind::kSegmentRecovered:
      return "segment-recovered";
    case EventKind::kSourceLost:
      return "source-lost";
    case EventKind::kSourceBack:
      return "source-back";
    case EventKind::kDegraded:
      return "degraded";
    case EventKind::kHealthy:
      return "recovered";
    case EventKind::kDiskFull:
      return "disk-floor";
    case EventKind::kDrops:
      return "drops";
    case EventKind::kTookOver:
      return "took-over";
    case EventKind::kRingAside:
      return "ring-aside";
    case EventKind::kWatchdog:
      return "watchdog";
    case EventKind::kClock:
      return "clock";
    case EventKind::kReloaded:
      return "reloaded";
    case EventKind::kReloadRefused:
      return "reload-refused";
    case EventKind::kSegmentsDeleted:
      return "segments-deleted";
    case EventKind::kMark:
      return "mark";
    case EventKind::kRefused:
      return "refused";
  }
  std::unreachable();
}

void report(Event event) {
  if (event.utc_ns == 0) event.utc_ns = system_clock().utc_ns();
  log_event(event);
  const std::scoped_lock lock(listener().mutex);
  if (listener().call) listener().call(event);
}

void set_event_listener(std::function<void(const Event&)> call) {
  const std::scoped_lock lock(listener().mutex);
  listener().call = std::move(call);
}

}  // namespace framelog
