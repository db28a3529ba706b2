#include "pipeline/write_loop.hpp"

#include <algorithm>

#include "pipeline/pace.hpp"

namespace framelog {
namespace {

/// Larger writes cost less per byte (page pinning, submission), and hold slots longer.
constexpr std::uint64_t kBatchBytes = std::uint64_t{8} << 20U;
constexpr std::uint64_t kMostBatchFrames = 4096;
/// A batch may hold this part of the ring at most, so that capture finds free slots while it is
/// written.
constexpr std::uint64_t kPartOfRing = 4;

/// By what is written, which can be far less than what comes in.
std::uint64_t batch_frames(const RingLayout& layout, const std::vector<SegmentLane*>& lanes) {
  std::uint64_t largest = 1;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::uint64_t own = layout.product_bytes[i];
    if (lanes[i] != nullptr) largest = std::max(largest, own == 0 ? layout.raw_bytes : own);
  }
  const std::uint64_t by_size = kBatchBytes / largest;
  return std::clamp<std::uint64_t>(
      by_size, 1, std::clamp<std::uint64_t>(layout.slots / kPartOfRing, 1, kMostBatchFrames));
}

}  // namespace

WriteLoop::WriteLoop(Ring& ring, const std::vector<SegmentLane*>& lanes, Health& health,
                     const Clock& clock)
    : ring_(ring),
      batch_frames_(batch_frames(ring.layout(), lanes)),
      health_(health),
      clock_(clock) {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    products_.emplace_back();
    if (lanes[i] != nullptr) products_.back().emplace(ring, i, *lanes[i], health);
  }
}

void WriteLoop::run() {
  std::uint64_t next = ring_.written();
  Pace pace(ring_, Stage::kWrite);
  while (pace.wait(next, kNoDeadline)) {
    health_.write.begin(clock_.monotonic_ns());
    const std::uint64_t there = ring_.end_of(Stage::kWrite) - next;
    const std::uint64_t to = next + ring_.contiguous(next, std::min(there, batch_frames_));
    write_batch(next, to);
    ring_.advance_written(to);
    next = to;
    health_.write.rest();
  }
}

void WriteLoop::write_batch(std::uint64_t from, std::uint64_t to) {
  for (std::size_t i = 0; i < products_.size(); ++i) {
    if (products_[i]) {
      products_[i]->write(from, to);
    } else {
      add(ring_.product_counters(i).not_recorded, to - from);
    }
  }
}

void WriteLoop::finish(const LossBefore& tail, std::uint64_t received_total,
                       std::string_view reason) {
  for (auto& product : products_) {
    if (product) product->stop(tail, received_total, reason);
  }
}

}  // namespace framelog
