#include "service/watchdog.hpp"

#include <fmt/format.h>

#include "core/event.hpp"

namespace framelog {
namespace {

constexpr double kNsPerSecond = 1e9;
/// Often enough that one late tick costs nothing.
constexpr int kPerInterval = 4;

void look(const StageHealth& health, std::string_view stage, std::int64_t now_ns,
          std::int64_t limit_ns, std::optional<Hang>& worst) noexcept {
  // Pairs with the release in ~DiskCall(): who sees the call ended sees the time at which it did.
  if (health.in_disk_call.load(std::memory_order_acquire)) return;
  const std::int64_t since_ns = health.busy_since_ns.load(std::memory_order_relaxed);
  if (since_ns == 0) return;
  if (now_ns - since_ns <= limit_ns) return;
  if (worst && worst->since_ns <= since_ns) return;
  const char* doing = health.doing.load(std::memory_order_relaxed);
  worst = Hang{stage, doing == nullptr ? std::string_view{} : doing, since_ns};
}

void report_hang(const Hang& hang, std::int64_t now_ns) {
  const double seconds = static_cast<double>(now_ns - hang.since_ns) / kNsPerSecond;
  const std::string what =
      hang.doing.empty() ? std::string(hang.stage) : fmt::format("{} ({})", hang.stage, hang.doing);
  report({.kind = EventKind::kWatchdog,
          .level = LogLevel::kError,
          .text = fmt::format("the stage {} hangs: no progress for {:.0f} s", what, seconds),
          .fields = {{"stage", std::string(hang.stage)},
                     {"doing", std::string(hang.doing)},
                     {"seconds", fmt::format("{:.1f}", seconds)}}});
}

}  // namespace

std::optional<Hang> find_hang(const Health& health, std::int64_t now_ns,
                              std::chrono::nanoseconds limit) noexcept {
  std::optional<Hang> worst;
  look(health.capture, "capture", now_ns, limit.count(), worst);
  for (const StageHealth& reducer : health.reduce) {
    look(reducer, "reduce", now_ns, limit.count(), worst);
  }
  look(health.write, "write", now_ns, limit.count(), worst);
  for (const Housekeeping& of : health.housekeeping) {
    look(of.sync, "sync", now_ns, limit.count(), worst);
    look(of.files, "files", now_ns, limit.count(), worst);
  }
  return worst;
}

Watchdog::Watchdog(std::optional<std::chrono::nanoseconds> interval)
    : interval_(interval), limit_(interval ? *interval / 2 : kDefaultHangLimit) {}

bool Watchdog::tick(const Health* health, std::int64_t now_ns) {
  const auto hang = health == nullptr ? std::nullopt : find_hang(*health, now_ns, limit_);
  if (hang) {
    if (reported_since_ns_ != hang->since_ns) report_hang(*hang, now_ns);
    reported_since_ns_ = hang->since_ns;
    return false;
  }
  reported_since_ns_.reset();
  if (!interval_) return false;
  if (sent_ns_ && now_ns - *sent_ns_ < interval_->count() / kPerInterval) return false;
  sent_ns_ = now_ns;
  return true;
}

}  // namespace framelog
