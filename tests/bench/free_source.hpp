#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "core/clock.hpp"
#include "drivers/frame_source.hpp"
#include "drivers/sleeper.hpp"

namespace framelog::bench {

/// An instrument whose frames cost nothing: in the first round through the ring it fills the slots,
/// then it leaves them as they are, as a frame grabber does that writes them itself. With a rate it
/// keeps an absolute schedule: what it is late with it delivers at once.
class FreeSource final : public FrameSource {
 public:
  FreeSource(const FrameShape& shape, std::uint64_t frames, std::optional<double> rate_hz)
      : frames_(frames), rate_hz_(rate_hz), sleeper_(system_clock()) {
    info_.shape = shape;
    info_.driver = "bench";
    info_.description = "frames that cost nothing";
    info_.rate_hz = rate_hz;
    info_.simulated = true;
    info_.can_wait = !rate_hz;
    info_.numbered = true;
    pattern_.resize(size_bytes(shape));
    std::uint32_t state = 1;
    for (std::byte& byte : pattern_) {
      state = state * 1664525U + 1013904223U;
      byte = static_cast<std::byte>(state >> 24U);
    }
  }

  Result<SourceInfo> open() override { return info_; }
  Result<void> start() override {
    start_ns_ = system_clock().monotonic_ns();
    return {};
  }
  Result<FrameInfo> read(std::span<std::byte> pixels, Deadline deadline) noexcept override {
    if (next_ == frames_) return std::unexpected(Error{ErrorCode::kEnd, 0, "all frames", {}});
    FrameInfo info;
    if (rate_hz_) {
      const std::int64_t due =
          start_ns_ + static_cast<std::int64_t>(static_cast<double>(next_) / *rate_hz_ * 1e9);
      if (!sleeper_.wait_until(due, deadline)) {
        return std::unexpected(Error{ErrorCode::kTimeout, 0, "", {}});
      }
      late_ns_ = system_clock().monotonic_ns() - due;
      most_late_ns_ = std::max(most_late_ns_, late_ns_);
    }
    fill(pixels);
    info.source_sequence = next_++;
    return info;
  }
  void stop() noexcept override {}
  void cancel() noexcept override { sleeper_.cancel(); }

  /// How far the last frame was behind its schedule, and the worst of them. After the recording.
  [[nodiscard]] std::int64_t late_ns() const noexcept { return late_ns_; }
  [[nodiscard]] std::int64_t most_late_ns() const noexcept { return most_late_ns_; }

 private:
  void fill(std::span<std::byte> pixels) noexcept {
    if (filled_) return;
    if (first_slot_ == nullptr) {
      first_slot_ = pixels.data();
    } else if (first_slot_ == pixels.data()) {
      filled_ = true;
      return;
    }
    std::memcpy(pixels.data(), pattern_.data(), pattern_.size());
    std::memcpy(pixels.data(), &next_, sizeof next_);
  }

  SourceInfo info_;
  std::uint64_t frames_;
  std::optional<double> rate_hz_;
  Sleeper sleeper_;
  std::vector<std::byte> pattern_;
  std::uint64_t next_{};
  std::int64_t start_ns_{};
  std::int64_t late_ns_{};
  std::int64_t most_late_ns_{};
  std::byte* first_slot_{};
  bool filled_{};
};

}  // namespace framelog::bench
