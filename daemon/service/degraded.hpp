#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/recorder.hpp"

namespace framelog {

/// Why a recorder that runs does not do all that it should.
enum class DegradedReason : std::uint8_t {
  kSourceLost,
  kDiskFull,
  kWriteError,
  kNoDisk,
  kRingFull,             ///< Frames come faster than they are written.
  kLinesLost,            ///< GPIO: no edge comes, no gate opens.
  kClockUnsynchronised,  ///< For information: alone it degrades nothing.
  kCatalog,              ///< Likewise: the index cannot be written; recording needs none.
};
inline constexpr std::size_t kDegradedReasons = 8;
/// "disk-full", as metrics and status show it.
[[nodiscard]] std::string_view name_of(DegradedReason reason) noexcept;
[[nodiscard]] constexpr bool is_information(DegradedReason reason) noexcept {
  return reason == DegradedReason::kClockUnsynchronised || reason == DegradedReason::kCatalog;
}

/// Watches a recorder by its snapshots, and reports what changes: kDegraded when a reason appears,
/// kHealthy when the last one has gone, kDiskFull, kDrops (above a share of the frames of the last
/// 10 s) and kClock. A loss counts for 10 s, so that a row of them is one event. Threads: control.
class Degraded {
 public:
  /// About once a second. `lines_lost`: GPIO lines are configured, and are not there.
  void tick(const RecorderStatus& status, bool lines_lost, std::int64_t now_ns);

  [[nodiscard]] std::vector<DegradedReason> reasons() const;
  /// Whether one of them is more than information.
  [[nodiscard]] bool is_degraded() const noexcept { return degraded_; }

 private:
  using Flags = std::array<bool, kDegradedReasons>;
  /// Counters of one moment, added up over the products.
  struct Counts {
    std::int64_t at_ns{};
    std::uint64_t received{};
    std::uint64_t dropped{};
    std::array<std::uint64_t, kDropReasons> by_reason{};
  };

  void remember(const RecorderStatus& status, std::int64_t now_ns);
  [[nodiscard]] bool is_lost(const RecorderStatus& status);
  [[nodiscard]] bool lately(DropReason reason) const noexcept;
  void watch_drops();
  void watch_clock(const RecorderStatus& status);
  void change_to(const Flags& now);

  std::string run_uuid_;
  std::deque<Counts> window_;  ///< The last 10 s, the oldest first.
  Flags flags_{};
  bool degraded_{};
  bool dropping_{};
  int looks_without_source_{};
  std::optional<bool> synchronised_;
};

}  // namespace framelog
