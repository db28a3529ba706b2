#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace framelog {

/// What is kept of an instrument's finished segments, and how much of the file system stays free.
struct RetentionPolicy {
  std::int64_t min_free_bytes{std::int64_t{1} << 30U};
  std::optional<std::int64_t> max_total_bytes;
  std::optional<std::chrono::nanoseconds> max_age;  ///< Since the last frame.
  std::optional<std::int64_t> max_segments;
  bool delete_oldest{};  ///< Below min_free; else recording pauses.
  bool require_ack{};    ///< Only what has been acknowledged is ever taken.

  [[nodiscard]] bool has_bounds() const noexcept {
    return max_total_bytes || max_age || max_segments;
  }
};

}  // namespace framelog
