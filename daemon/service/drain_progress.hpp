#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "pipeline/recorder.hpp"

namespace framelog {

/// Tells whether what is in the ring still becomes less, so that systemd is asked for more time
/// only while it does. Threads: control.
class DrainProgress {
 public:
  /// What systemd is asked for. Finishing a large segment shows no progress for long.
  static constexpr std::chrono::nanoseconds kMore = std::chrono::seconds(90);

  /// About once a second while stopping; true: something was written since the last time.
  [[nodiscard]] bool moved(const RecorderStatus& status);

 private:
  struct Work {
    std::uint64_t accounted{};
    std::uint64_t bytes{};
    std::uint64_t ring_used_slots{};
    std::size_t unfinished_segments{};
    friend bool operator==(const Work&, const Work&) = default;
  };
  std::optional<Work> last_;
};

}  // namespace framelog
