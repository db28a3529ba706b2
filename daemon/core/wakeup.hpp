#pragma once

#include <atomic>
#include <cstdint>

#include "core/clock.hpp"

namespace framelog {

/// Lets threads sleep until another has made progress, or a deadline has passed.
/// notify() costs a system call only while somebody sleeps. Threads: any.
class Wakeup {
 public:
  using Ticket = std::uint32_t;
  /// Take it before checking the condition that is waited for.
  [[nodiscard]] Ticket ticket() const noexcept;
  /// Sleeps unless notify() was called since `ticket` was taken. False when the deadline has
  /// passed.
  bool wait(Ticket ticket, Deadline deadline) noexcept;
  void notify() noexcept;

 private:
  std::atomic<std::uint32_t> epoch_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace framelog
