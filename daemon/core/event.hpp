#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/log.hpp"

namespace framelog {

/// What a recorder tells the world. Each kind has a MESSAGE_ID in the journal's catalog.
enum class EventKind : std::uint8_t {
  kStarted,           ///< recording-started
  kStopped,           ///< recording-stopped
  kSegmentFinished,   ///< segment-finished
  kSegmentRecovered,  ///< segment-recovered
  kSourceLost,        ///< source-lost
  kSourceBack,        ///< source-back
  kDegraded,          ///< degraded
  kHealthy,           ///< recovered: no longer degraded
  kDiskFull,          ///< disk-floor
  kDrops,             ///< drops: above a share of the frames
  kTookOver,          ///< took-over: the ring of a process that died
  kRingAside,         ///< ring-aside: a ring that cannot be understood is kept aside
  kWatchdog,          ///< watchdog: a stage hangs
  kClock,             ///< clock: synchronised, no longer so, or stepped
  kReloaded,          ///< reloaded
  kReloadRefused,     ///< reload-refused: the new configuration is wrong
  kSegmentsDeleted,   ///< segments-deleted: by retention
  kMark,              ///< mark
  kRefused,           ///< refused: the daemon cannot run with this configuration
};
inline constexpr std::size_t kEventKinds = 19;

/// "segment-finished", as alerts, subscribers and the journal's FRAMELOG_EVENT spell it.
[[nodiscard]] std::string_view name_of(EventKind kind) noexcept;

struct Event {
  EventKind kind{};
  LogLevel level{LogLevel::kInfo};
  std::string text;                                           ///< One line for people.
  std::vector<std::pair<std::string, std::string>> fields{};  ///< "path", "frames", "reason", ...
  std::int64_t utc_ns{};                                      ///< 0: report() fills it in.
};

/// Logs the event, once, and hands it to the listener. Threads: any, but none that the instrument
/// waits for.
void report(Event event);
/// Called on the thread that reports, one at a time; must not block. An empty function: none.
void set_event_listener(std::function<void(const Event&)> listener);

}  // namespace framelog
