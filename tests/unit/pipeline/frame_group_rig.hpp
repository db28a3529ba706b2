#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <ostream>
#include <span>
#include <vector>

#include "core/crc32c.hpp"
#include "pipeline/frame_group.hpp"

namespace framelog::grouped {

/// A frame as capture leaves it; its pixels are those of pixel_of().
struct Frame {
  std::int64_t monotonic_ns{};
  std::int64_t utc_ns{};
  std::int64_t exposure_ns{1000};
  std::uint32_t flags{};
  bool lost_before{};
};

/// A group as it is found in the ring: where it is, which frames are in it, and what is told of it.
struct Group {
  std::uint64_t at{};
  std::vector<std::uint64_t> frames;
  std::int64_t first_monotonic_ns{};
  std::int64_t exposure_ns{};
  std::uint32_t flags{};
  bool operator==(const Group&) const = default;
};

inline void PrintTo(const Group& group, std::ostream* out) {
  *out << "at " << group.at << ", flags " << group.flags << ", exposure " << group.exposure_ns
       << ", first " << group.first_monotonic_ns << ":";
  for (const auto frame : group.frames) *out << ' ' << frame;
}

inline std::uint16_t pixel_of(std::uint64_t sequence, std::size_t index) {
  return static_cast<std::uint16_t>(sequence * 37 + index * 11);
}

/// Frames in a ring that holds all of them, and the products that add them up.
class Rig {
 public:
  Rig(const FrameShape& shape, const std::vector<Frame>& frames,
      const std::vector<ProductReduction>& reductions)
      : shape_(shape), frames_(frames), reductions_(reductions) {
    RingLayout layout{frames.size() + 1, size_bytes(shape), {}, 1};
    for (const auto& reduction : reductions) layout.products.push_back(layout_of(reduction));
    ring_ =
        std::make_unique<Ring>(Ring::attach(Ring::create_memory(layout).value(), layout).value());
    for (std::uint64_t i = 0; i < frames.size(); ++i) capture(i);
  }

  /// A reducer's threads as they are in a new process.
  void begin_process() {
    groups_.clear();
    reducers_.clear();
    for (const auto& reduction : reductions_) {
      reducers_.push_back(std::make_unique<Reducer>(reduction.plan));
    }
    for (std::size_t i = 0; i < reductions_.size(); ++i) {
      groups_.push_back(std::make_unique<FrameGroup>(*ring_, i, reductions_[i], *reducers_[i]));
    }
  }
  void take(std::uint64_t sequence) {
    for (auto& group : groups_) group->take(sequence);
    ring_->advance_reduced(0, sequence + 1);
  }
  void take_up_to(std::uint64_t end) {
    for (std::uint64_t i = ring_->reduced_by(0); i < end; ++i) take(i);
  }
  void finish() {
    for (auto& group : groups_) group->finish();
  }
  void run() {
    begin_process();
    take_up_to(frames_.size());
    finish();
  }

  [[nodiscard]] Ring& ring() { return *ring_; }
  [[nodiscard]] const std::vector<Frame>& frames() const { return frames_; }
  [[nodiscard]] const ProductReduction& reduction(std::size_t product) const {
    return reductions_[product];
  }

  /// The groups in the slots and in the tail, each with the pixels that its frames must have.
  [[nodiscard]] std::vector<Group> groups(std::size_t product) {
    std::vector<Group> found;
    for (std::uint64_t i = 0; i < frames_.size(); ++i) {
      const ProductResult& result = ring_->slot(i).header.results[product];
      if (!result.emits) continue;
      found.push_back(group_of(i, ring_->group_result(i, product), product));
      expect_pixels(found.back(), product, ring_->product(i, product), result);
    }
    const Ring::Tail tail = ring_->tail(product);
    if (tail.group.frames == 0) return found;
    found.push_back(group_of(frames_.size(), tail.group, product));
    expect_pixels(found.back(), product, tail.pixels, tail.result);
    return found;
  }

 private:
  void capture(std::uint64_t sequence) {
    const Slot slot = ring_->slot(sequence);
    const Frame& frame = frames_[sequence];
    slot.header.info.sequence = slot.header.info.source_sequence = sequence;
    slot.header.info.monotonic_ns = frame.monotonic_ns;
    slot.header.info.utc_ns = frame.utc_ns;
    slot.header.info.exposure_ns = frame.exposure_ns;
    slot.header.info.flags = frame.flags;
    slot.header.received_total = sequence + 1;
    if (frame.lost_before) slot.header.before.duration_ns = 1;
    for (std::size_t i = 0; i < slot.raw.size() / 2; ++i) {
      const std::uint16_t value = pixel_of(sequence, i);
      std::memcpy(slot.raw.data() + 2 * i, &value, 2);
    }
    ring_->advance_captured(sequence + 1);
  }

  /// Which frames it has follows from its last one and their number.
  Group group_of(std::uint64_t at, const GroupResult& result, std::size_t product) {
    Group group{at, {}, result.first_monotonic_ns, result.info.exposure_ns, result.info.flags};
    EXPECT_EQ(result.received_total, result.info.sequence + 1);
    for (std::uint64_t i = result.info.sequence + 1; i-- > 0;) {
      if (group.frames.size() == result.frames) break;
      if (!is_skipped(reductions_[product], ring_->slot(i).header.info)) group.frames.push_back(i);
    }
    std::ranges::reverse(group.frames);
    return group;
  }

  void expect_pixels(const Group& group, std::size_t product, std::span<const std::byte> pixels,
                     const ProductResult& result) {
    const std::size_t count = std::size_t{shape_.height_px} * shape_.width_px;
    ASSERT_EQ(reductions_[product].plan.output.type, PixelType::kUint32);
    double total = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t wanted = 0;
      for (const std::uint64_t frame : group.frames) wanted += pixel_of(frame, i);
      std::uint32_t found = 0;
      std::memcpy(&found, pixels.data() + i * sizeof found, sizeof found);
      ASSERT_EQ(found, wanted) << "pixel " << i << " of the group at " << group.at;
      total += wanted;
    }
    EXPECT_EQ(result.statistics.sum, total) << "group at " << group.at;
    EXPECT_EQ(result.crc32c, crc32c_plain(pixels)) << "group at " << group.at;
  }

  FrameShape shape_;
  std::vector<Frame> frames_;
  std::vector<ProductReduction> reductions_;
  std::unique_ptr<Ring> ring_;
  std::vector<std::unique_ptr<Reducer>> reducers_;
  std::vector<std::unique_ptr<FrameGroup>> groups_;
};

}  // namespace framelog::grouped
