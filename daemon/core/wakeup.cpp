#include "core/wakeup.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <ctime>

namespace framelog {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

// Where a word has 32 bits the call of the old name takes times of 32 bits.
#if defined(SYS_futex_time64)
constexpr long kFutex = SYS_futex_time64;
static_assert(sizeof(timespec::tv_sec) == 8);
#else
constexpr long kFutex = SYS_futex;
#endif

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* timeout) noexcept {
  return ::syscall(kFutex, &word, operation, value, timeout, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

Wakeup::Ticket Wakeup::ticket() const noexcept { return epoch_.load(std::memory_order_acquire); }

// A sleeper announces itself before the kernel compares the epoch, a notifier changes the epoch
// before it looks for sleepers; both in the one order of seq_cst, so at least one of them sees the
// other.
bool Wakeup::wait(Ticket ticket, Deadline deadline) noexcept {
  using std::chrono::duration_cast;
  using std::chrono::nanoseconds;
  timespec until{};
  const timespec* timeout = nullptr;
  if (deadline != kNoDeadline) {
    // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time, which is what steady_clock counts.
    const auto since_boot = duration_cast<nanoseconds>(deadline.time_since_epoch()).count();
    if (since_boot <= 0) return epoch_.load(std::memory_order_acquire) != ticket;
    until.tv_sec = since_boot / 1'000'000'000;
    until.tv_nsec = static_cast<long>(since_boot % 1'000'000'000);
    timeout = &until;
  }
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  bool notified = true;
  while (epoch_.load(std::memory_order_seq_cst) == ticket) {
    const long result = futex(epoch_, FUTEX_WAIT_BITSET_PRIVATE, ticket, timeout);
    if (result == -1 && errno == ETIMEDOUT) {
      notified = epoch_.load(std::memory_order_acquire) != ticket;
      break;
    }
  }
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  return notified;
}

void Wakeup::notify() noexcept {
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) != 0) {
    futex(epoch_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr);
  }
}

}  // namespace framelog
