#pragma once

#include <cstdint>
#include <vector>

#include "core/health.hpp"
#include "pipeline/product_writer.hpp"
#include "pipeline/ring.hpp"

namespace framelog {

/// The third stage: hands reduced frames to the products' segments and frees their slots. One per
/// recording.
class WriteLoop {
 public:
  /// A product whose lane is null is reduced but not recorded.
  WriteLoop(Ring& ring, const std::vector<SegmentLane*>& lanes, Health& health, const Clock& clock);
  /// Threads: write. Returns when the ring is closed and every frame is recorded or dropped; the
  /// segments are still open.
  void run();
  /// Ends the open segments. Threads: write, after run().
  void finish(const LossBefore& tail, std::uint64_t received_total, std::string_view reason);

 private:
  void write_batch(std::uint64_t from, std::uint64_t to);

  Ring& ring_;
  std::vector<std::optional<ProductWriter>> products_;
  std::uint64_t batch_frames_;
  Health& health_;
  const Clock& clock_;
};

}  // namespace framelog
