#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "drivers/v4l2_device.hpp"

namespace framelog {

/// A filled buffer of the camera, lent until give_back().
struct VideoBuffer {
  std::uint32_t index{};
  std::span<const std::byte> payload;
  std::uint32_t sequence{};
  std::int64_t monotonic_ns{-1};  ///< The kernel's; -1 where it is of another clock.
  bool damaged{};                 ///< V4L2_BUF_FLAG_ERROR.
};

/// The buffers of a streaming camera, mapped. One of the wrappers of linux/videodev2.h. `device` is
/// borrowed. Threads: one at a time.
class VideoStream {
 public:
  static constexpr std::uint32_t kMostBuffers = 32;  // VIDEO_MAX_FRAME

  explicit VideoStream(const VideoDevice& device) noexcept : device_(device) {}
  VideoStream(const VideoStream&) = delete;
  VideoStream& operator=(const VideoStream&) = delete;
  ~VideoStream() { stop(); }

  /// Takes buffers, as many as wanted where the camera agrees, and streams.
  [[nodiscard]] Result<void> start(std::uint32_t buffers);
  void stop() noexcept;
  [[nodiscard]] std::uint32_t buffers() const noexcept { return buffers_; }

  /// The oldest filled buffer; absent while there is none. Allocates nothing. Errors:
  /// kDisconnected.
  [[nodiscard]] Result<std::optional<VideoBuffer>> take() noexcept;
  /// False where the camera refuses it for now: it is offered again before the next frame.
  [[nodiscard]] bool give_back(const VideoBuffer& buffer) noexcept;

  enum class Wake : std::uint8_t { kFrame, kSource, kCancelled, kTime, kBroken };
  /// Sleeps until there is a frame or an event, the descriptor `cancel` is readable, or the
  /// deadline has passed.
  [[nodiscard]] Wake wait(int cancel, Deadline deadline) const noexcept;

 private:
  struct Mapping {
    std::byte* memory{};
    std::size_t bytes{};
  };

  [[nodiscard]] Result<void> map(std::uint32_t index);
  [[nodiscard]] int give(std::uint32_t index) noexcept;
  void offer_again() noexcept;

  const VideoDevice& device_;
  std::array<Mapping, kMostBuffers> mappings_{};
  std::uint32_t buffers_{};
  std::uint32_t refused_{};  // A bit for each that the camera did not take back.
  bool has_buffers_{};
};

}  // namespace framelog
