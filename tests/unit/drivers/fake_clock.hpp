#pragma once

#include <atomic>

#include "core/clock.hpp"

namespace framelog {

/// A clock that stands still until it is moved.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t utc_ns() const noexcept override { return kUtcStart + now_ns_; }
  [[nodiscard]] std::int64_t monotonic_ns() const noexcept override { return now_ns_; }
  [[nodiscard]] bool synchronised() const noexcept override { return true; }
  void move(std::int64_t ns) noexcept { now_ns_ += ns; }

  static constexpr std::int64_t kUtcStart = 1'700'000'000'000'000'000;

 private:
  std::atomic<std::int64_t> now_ns_{1'000'000'000};
};

inline constexpr std::int64_t kMs = 1'000'000;
inline constexpr std::int64_t kSecond = 1'000'000'000;
/// A deadline that has passed: read() returns at once what is due, or kTimeout.
inline constexpr Deadline kPast{};

}  // namespace framelog
