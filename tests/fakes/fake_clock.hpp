#pragma once

#include <atomic>
#include <cstdint>

#include "core/clock.hpp"

namespace framelog {

/// Two clocks that stand still until they are moved. Threads: any.
class FakeClock : public Clock {
 public:
  [[nodiscard]] std::int64_t utc_ns() const noexcept override {
    return now_ns_.load() + utc_offset_ns_.load();
  }
  [[nodiscard]] std::int64_t monotonic_ns() const noexcept override {
    ++looks_;
    return now_ns_.load();
  }
  [[nodiscard]] bool synchronised() const noexcept override { return synchronised_.load(); }

  void move(std::int64_t ns) noexcept { now_ns_ += ns; }
  /// Sets UTC alone, as a user or NTP does.
  void set_utc(std::int64_t utc_ns) noexcept { utc_offset_ns_ = utc_ns - now_ns_.load(); }
  void set_synchronised(bool synchronised) noexcept { synchronised_ = synchronised; }
  /// How often monotonic_ns() was asked.
  [[nodiscard]] std::uint64_t looks() const noexcept { return looks_.load(); }

  static constexpr std::int64_t kUtcStart = 1'700'000'000'000'000'000;

 private:
  std::atomic<std::int64_t> now_ns_{1'000'000'000};
  std::atomic<std::int64_t> utc_offset_ns_{kUtcStart};
  std::atomic<bool> synchronised_{true};
  mutable std::atomic<std::uint64_t> looks_{0};
};

}  // namespace framelog
