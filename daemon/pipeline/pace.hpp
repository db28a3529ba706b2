#pragma once

#include "pipeline/ring.hpp"

namespace framelog {

/// How a consuming stage waits for its next frame. At low rates it is woken by each frame. Where
/// frames come so fast that it is woken thousands of times a second, and the ring is deep and
/// nearly empty, it naps for a millisecond and then finds a batch: 100 000 lines a second cost 1000
/// wake-ups, not 100 000. Threads: one stage.
class Pace {
 public:
  Pace(Ring& ring, Stage stage) noexcept : ring_(ring), stage_(stage) {}
  /// As Ring::wait().
  bool wait(std::uint64_t sequence, Deadline deadline) noexcept;

 private:
  Ring& ring_;
  Stage stage_;
  Deadline woken_{};
};

}  // namespace framelog
