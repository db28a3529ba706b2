#include "service/degraded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/event.hpp"

namespace framelog {
namespace {

constexpr std::int64_t kWindowNs = 10'000'000'000;
constexpr double kShareOfDrops = 0.001;
/// One look may fall into the moment in which a session begins, or a source is opened again.
constexpr int kLooksUntilLost = 2;

constexpr std::array kBlocking{std::pair{DropReason::kDiskFull, DegradedReason::kDiskFull},
                               std::pair{DropReason::kWriteError, DegradedReason::kWriteError},
                               std::pair{DropReason::kNoDisk, DegradedReason::kNoDisk}};

constexpr std::size_t index(DegradedReason reason) { return static_cast<std::size_t>(reason); }

bool is_blocked(const RecorderStatus& status, DropReason reason) {
  return status.session && std::ranges::any_of(status.session->products, [reason](const auto& one) {
           return one.blocked == reason;
         });
}

/// A stop and its drain end what was wrong with the source.
bool wants_source(RecorderState state) {
  return state == RecorderState::kIdle || state == RecorderState::kArmed ||
         state == RecorderState::kRecording;
}

std::string names(std::span<const DegradedReason> reasons) {
  std::string text;
  for (const DegradedReason reason : reasons) {
    if (is_information(reason)) continue;
    if (!text.empty()) text += ", ";
    text += name_of(reason);
  }
  return text;
}

}  // namespace

std::string_view name_of(DegradedReason reason) noexcept {
  switch (reason) {
    case DegradedReason::kSourceLost:
      return "source-lost";
    case DegradedReason::kDiskFull:
      return "disk-full";
    case DegradedReason::kWriteError:
      return "write-error";
    case DegradedReason::kNoDisk:
      return "no-disk";
    case DegradedReason::kRingFull:
      return "ring-full";
    case DegradedReason::kLinesLost:
      return "lines-lost";
    case DegradedReason::kClockUnsynchronised:
      return "clock-unsynchronised";
    case DegradedReason::kCatalog:
      return "catalog";
  }
  std::unreachable();
}

void Degraded::tick(const RecorderStatus& status, bool lines_lost, std::int64_t now_ns) {
  remember(status, now_ns);
  Flags now{};
  now[index(DegradedReason::kSourceLost)] = is_lost(status);
  for (const auto& [drop, reason] : kBlocking) {
    now[index(reason)] = is_blocked(status, drop) || lately(drop);
  }
  now[index(DegradedReason::kRingFull)] =
      lately(DropReason::kRingFull) || lately(DropReason::kSegmentNotReady);
  now[index(DegradedReason::kLinesLost)] = lines_lost;
  now[index(DegradedReason::kClockUnsynchronised)] =
      status.session && !status.session->clock_synchronised;
  now[index(DegradedReason::kCatalog)] = !status.catalog_trouble.empty();
  watch_drops();
  watch_clock(status);
  change_to(now);
}

/// Counters begin anew with each session, and so does the window. What a run had lost before it was
/// first looked at is not news: it may be that of a process that died.
void Degraded::remember(const RecorderStatus& status, std::int64_t now_ns) {
  Counts counts{.at_ns = now_ns};
  if (status.session) {
    for (const auto& product : status.session->products) {
      counts.received += product.accounting.received;
      counts.dropped += product.accounting.total_dropped();
      for (std::size_t i = 0; i < kDropReasons; ++i) {
        counts.by_reason[i] += product.accounting.dropped[i];
      }
    }
  }
  const bool other_run = std::exchange(run_uuid_, status.run_uuid) != status.run_uuid;
  if (other_run || window_.empty() || counts.received < window_.back().received ||
      counts.dropped < window_.back().dropped) {
    window_.clear();
  }
  window_.push_back(counts);
  // The one before the window's beginning is what its first second is compared with.
  while (window_.size() > 1 && now_ns - window_[1].at_ns >= kWindowNs) window_.pop_front();
}

bool Degraded::is_lost(const RecorderStatus& status) {
  const bool without =
      status.state == RecorderState::kWaitingForSource ||
      (wants_source(status.state) && status.session && !status.session->source_connected);
  looks_without_source_ = without ? std::min(looks_without_source_ + 1, kLooksUntilLost) : 0;
  return looks_without_source_ >= kLooksUntilLost;
}

bool Degraded::lately(DropReason reason) const noexcept {
  const auto i = static_cast<std::size_t>(reason);
  return window_.back().by_reason[i] > window_.front().by_reason[i];
}

void Degraded::watch_drops() {
  const std::uint64_t received = window_.back().received - window_.front().received;
  const std::uint64_t dropped = window_.back().dropped - window_.front().dropped;
  const bool above = static_cast<double>(dropped) > kShareOfDrops * static_cast<double>(received);
  if (above && !dropping_) {
    report(
        {.kind = EventKind::kDrops,
         .level = LogLevel::kWarning,
         .text = fmt::format("{} of the last {} frames were dropped", dropped, received),
         .fields = {{"dropped", std::to_string(dropped)}, {"received", std::to_string(received)}}});
  }
  // It ends when a whole window went by without any.
  dropping_ = above || (dropping_ && dropped > 0);
}

void Degraded::watch_clock(const RecorderStatus& status) {
  if (!status.session) return;
  const bool now = status.session->clock_synchronised;
  if (synchronised_ && *synchronised_ != now) {
    report({.kind = EventKind::kClock,
            .level = now ? LogLevel::kInfo : LogLevel::kWarning,
            .text = now ? "the clock is synchronised" : "the clock is no longer synchronised",
            .fields = {{"synchronised", now ? "yes" : "no"}}});
  }
  synchronised_ = now;
}

void Degraded::change_to(const Flags& now) {
  const Flags before = std::exchange(flags_, now);
  const auto appeared = [&](DegradedReason reason) {
    return now[index(reason)] && !before[index(reason)];
  };
  const std::string all = names(reasons());
  bool more = false;
  for (std::size_t i = 0; i < kDegradedReasons; ++i) {
    const auto reason = static_cast<DegradedReason>(i);
    more = more || (appeared(reason) && !is_information(reason));
  }
  if (appeared(DegradedReason::kDiskFull)) {
    report({.kind = EventKind::kDiskFull,
            .level = LogLevel::kError,
            .text = "the disk is full: frames are dropped until there is room",
            .fields = {}});
  }
  if (more) {
    report({.kind = EventKind::kDegraded,
            .level = LogLevel::kWarning,
            .text = "degraded: " + all,
            .fields = {{"reasons", all}}});
  } else if (degraded_ && all.empty()) {
    report({.kind = EventKind::kHealthy, .text = "recovered: no longer degraded", .fields = {}});
  }
  degraded_ = !all.empty();
}

std::vector<DegradedReason> Degraded::reasons() const {
  std::vector<DegradedReason> all;
  for (std::size_t i = 0; i < kDegradedReasons; ++i) {
    if (flags_[i]) all.push_back(static_cast<DegradedReason>(i));
  }
  return all;
}

}  // namespace framelog
