#include "service/debouncer.hpp"

#include <utility>

namespace framelog {

std::optional<LineEvent> Debouncer::take(const LineEvent& event) noexcept {
  if (stable_ns_ == 0) return event;
  const auto settled = due(event.monotonic_ns);
  if (pending_) ++bounces_;
  pending_.reset();
  if (event.active == active_) {
    ++bounces_;
  } else {
    pending_ = event;
  }
  return settled;
}

std::optional<LineEvent> Debouncer::due(std::int64_t now_ns) noexcept {
  if (!pending_ || now_ns - pending_->monotonic_ns < stable_ns_) return std::nullopt;
  active_ = pending_->active;
  return std::exchange(pending_, std::nullopt);
}

std::optional<std::int64_t> Debouncer::deadline_ns() const noexcept {
  if (!pending_) return std::nullopt;
  return pending_->monotonic_ns + stable_ns_;
}

}  // namespace framelog
