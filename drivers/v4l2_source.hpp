#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/option.hpp"
#include "core/unique_fd.hpp"
#include "drivers/drivers.hpp"
#include "drivers/v4l2_calls.hpp"
#include "drivers/v4l2_controls.hpp"
#include "drivers/v4l2_device.hpp"
#include "drivers/v4l2_format.hpp"
#include "drivers/v4l2_negotiation.hpp"
#include "drivers/v4l2_nodes.hpp"
#include "drivers/v4l2_numbers.hpp"
#include "drivers/v4l2_stream.hpp"

namespace framelog {

struct V4l2Config {
  std::string device{"/dev/video0"};  ///< A node, or the name of a card or its bus.
  std::optional<int> input;           ///< Absent: the one that is chosen.
  VideoWishes wishes;
  std::uint32_t buffers{8};
  std::vector<std::pair<std::string, std::string>> controls;  ///< Name, text.
};

/// A camera of the kernel's V4L2 interface, by memory-mapped streaming: each frame is copied once,
/// from the camera's buffer into the slot, row by row where rows are padded or packed.
///
/// source_sequence is the kernel's, which counts what it could not deliver, too; it counts from
/// anew after each start(). monotonic_ns is the kernel's time of the frame where that is on the
/// monotonic clock. A buffer that the kernel calls damaged is a corrupt frame, one that is not full
/// an incomplete one; what did not come is zero. Unplugging, errors of the camera and changes of
/// its signal end in kDisconnected: open() finds what is there then.
class V4l2Source final : public FrameSource {
 public:
  /// `calls` is borrowed.
  V4l2Source(V4l2Config config, const VideoCalls& calls, VideoPlaces places = {});
  ~V4l2Source() override;
  V4l2Source(const V4l2Source&) = delete;
  V4l2Source& operator=(const V4l2Source&) = delete;

  [[nodiscard]] Result<SourceInfo> open() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<FrameInfo> read(std::span<std::byte> pixels,
                                       Deadline deadline) noexcept override;
  void stop() noexcept override;
  /// Streams are numbered from 0; a driver that does not is given away by its rate alone.
  [[nodiscard]] std::optional<std::uint64_t> first_expected() const noexcept override {
    return video_.rate_hz ? std::optional<std::uint64_t>(0) : std::nullopt;
  }
  void cancel() noexcept override;
  [[nodiscard]] std::span<const SourceCounter> counters() const noexcept override {
    return counters_;
  }

 private:
  enum Counter : std::uint8_t { kCorruptBuffers, kShortBuffers, kUndecodable, kNotTaken };

  [[nodiscard]] Result<SourceInfo> set_up(const std::string& path);
  [[nodiscard]] Result<void> check_device(const std::string& path) const;
  [[nodiscard]] Result<void> agree();
  [[nodiscard]] SourceInfo describe_source(const std::string& path) const;
  [[nodiscard]] Result<FrameInfo> deliver(const VideoBuffer& buffer,
                                          std::span<std::byte> pixels) noexcept;
  [[nodiscard]] std::uint32_t fill(const VideoBuffer& buffer, std::span<std::byte> pixels) noexcept;
  [[nodiscard]] std::optional<Error> wait(Deadline deadline) noexcept;
  [[nodiscard]] Error broken(Error error) noexcept;
  void count(Counter counter) noexcept;

  V4l2Config config_;
  const VideoCalls& calls_;
  VideoPlaces places_;
  UniqueFd cancelled_;  // An eventfd.
  VideoDevice device_;
  VideoStream stream_{device_};
  std::vector<VideoControl> controls_;
  NegotiatedVideo video_;
  FrameShape shape_;
  VideoNumbers numbers_;
  std::int64_t exposure_ns_{-1};
  bool streaming_{};
  bool broken_{};
  std::array<SourceCounter, 4> counters_{{
      {"corrupt-buffers", "Frames that the kernel's driver marked as damaged."},
      {"short-buffers", "Frames of which a part did not arrive."},
      {"undecodable-frames", "JPEG pictures that were damaged."},
      {"refused-buffers", "Buffers that the camera did not take back at once."},
  }};
};

}  // namespace framelog
