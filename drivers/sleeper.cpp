#include "drivers/sleeper.hpp"

#include <algorithm>

namespace framelog {
namespace {

// Far deadlines are approached in steps, so that no sum overflows.
constexpr std::int64_t kLongestStepNs = 3'600'000'000'000;

}  // namespace

bool Sleeper::wait_until(std::int64_t due_ns, Deadline deadline) noexcept {
  for (;;) {
    const Wakeup::Ticket ticket = wakeup_.ticket();
    const std::int64_t now_ns = clock_.monotonic_ns();
    if (now_ns >= due_ns) return true;
    // Pairs with the release in cancel().
    if (cancelled_.exchange(false, std::memory_order_acquire)) return false;
    const Deadline now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    const std::chrono::nanoseconds step(std::min(due_ns - now_ns, kLongestStepNs));
    static_cast<void>(wakeup_.wait(ticket, std::min(deadline, now + step)));
  }
}

void Sleeper::cancel() noexcept {
  cancelled_.store(true, std::memory_order_release);  // Pairs with the acquire in wait_until().
  wakeup_.notify();
}

void set_times(FrameInfo& info, const Clock& clock, std::int64_t due_ns) noexcept {
  info.monotonic_ns = due_ns;
  info.utc_ns = utc_at(clock, due_ns);
}

}  // namespace framelog
