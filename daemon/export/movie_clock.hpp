#pragma once

#include <cstdint>
#include <limits>

#include "core/result.hpp"

namespace framelog {

/// Places frames on the time axis of a file that counts in whole ticks. Errors of rounding do not
/// add up: each frame begins at the tick nearest to its own time.
class MovieClock {
 public:
  /// `longest_ticks`: that the file can tell of one frame.
  explicit MovieClock(std::int64_t ticks_per_second,
                      std::int64_t longest_ticks = std::numeric_limits<std::int64_t>::max())
      : rate_(ticks_per_second), longest_(longest_ticks) {}

  struct Span {
    std::int64_t start{};
    std::int64_t length{};
  };
  /// Errors: kInvalid, a frame that is shorter, or longer, than the file can tell.
  [[nodiscard]] Result<Span> show(std::int64_t duration_ns);

 private:
  [[nodiscard]] std::int64_t ticks(std::int64_t time_ns) const noexcept;

  std::int64_t rate_;
  std::int64_t longest_;
  std::int64_t now_ns_{};
};

}  // namespace framelog
