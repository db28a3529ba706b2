#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"
#include "drivers/v4l2_calls.hpp"

namespace framelog {

/// What VIDIOC_QUERYCAP tells.
struct VideoIdentity {
  std::string driver;   ///< Of the kernel: "uvcvideo".
  std::string card;     ///< "HD Pro Webcam C920"
  std::string bus;      ///< "usb-0000:00:14.0-1"
  std::string version;  ///< Of the kernel's driver: "6.1.192".
  bool captures{};      ///< Delivers pictures, by streaming.
  bool planes{};        ///< Knows the multi-planar calls only.
};

/// A picture as it lies in the camera's buffers.
struct VideoPicture {
  std::uint32_t fourcc{};
  std::uint32_t width_px{};
  std::uint32_t height_px{};
  std::uint32_t bytes_per_line{};  ///< Of the first plane; 0 where it is compressed.
};

/// An open device node: what it is, and what it agrees to deliver. One of the wrappers of
/// linux/videodev2.h. Threads: one at a time. Errors: the errno of the call; kBusy: in use.
class VideoDevice {
 public:
  VideoDevice() noexcept = default;
  /// Opens a node and asks what it is. `calls` is borrowed.
  [[nodiscard]] static Result<VideoDevice> open(const VideoCalls& calls, const std::string& path);
  VideoDevice(VideoDevice&& other) noexcept { *this = std::move(other); }
  VideoDevice& operator=(VideoDevice&& other) noexcept;
  VideoDevice(const VideoDevice&) = delete;
  VideoDevice& operator=(const VideoDevice&) = delete;
  ~VideoDevice() { close(); }
  void close() noexcept;

  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const VideoCalls& calls() const noexcept { return *calls_; }
  [[nodiscard]] const VideoIdentity& identity() const noexcept { return identity_; }
  /// V4L2_BUF_TYPE_VIDEO_CAPTURE or its multi-planar brother.
  [[nodiscard]] std::uint32_t buffer_type() const noexcept;
  /// One ioctl; 0 or -errno.
  [[nodiscard]] int call(unsigned long request, void* argument) const noexcept {
    return calls_->ioctl(fd_, request, argument);
  }

  /// Whether another program has it streaming.
  [[nodiscard]] bool in_use() const noexcept;
  [[nodiscard]] Result<void> set_input(int number) const;
  /// Makes the timings of the signal at the chosen input (HDMI, SDI) its own, and with them the
  /// size; does nothing where the camera is its own source. Errors: kDisconnected: no signal.
  [[nodiscard]] Result<void> follow_signal() const;
  /// FourCCs in the order of the camera.
  [[nodiscard]] std::vector<std::uint32_t> formats() const;
  /// The sizes of a format, for people: "320 x 180, 640 x 480" (width x height); empty: unknown.
  [[nodiscard]] std::string sizes_text(std::uint32_t fourcc) const;
  [[nodiscard]] Result<VideoPicture> picture() const;
  /// Asks for it; what the camera made of it.
  [[nodiscard]] Result<VideoPicture> set_picture(const VideoPicture& wanted) const;

  /// Frames a second; absent where the camera does not tell.
  [[nodiscard]] std::optional<double> rate() const noexcept;
  /// Errors: kUnsupported where it cannot be set.
  [[nodiscard]] Result<void> set_rate(double rate_hz) const;

  /// The part of the sensor that is read out; absent where it cannot be chosen.
  [[nodiscard]] std::optional<Region> crop() const noexcept;
  /// The largest one.
  [[nodiscard]] std::optional<Region> crop_bounds() const noexcept;
  [[nodiscard]] std::optional<Region> default_crop() const noexcept;
  /// What the camera made of it.
  [[nodiscard]] Result<Region> set_crop(const Region& wanted) const;

  /// Asks to be told when the chosen input's source changes its format; many cameras never do.
  void watch_source() const noexcept;
  /// Takes one event; whether it says that pictures change their format.
  [[nodiscard]] bool take_source_change() const noexcept;

 private:
  [[nodiscard]] std::optional<Region> selection(std::uint32_t target) const noexcept;

  const VideoCalls* calls_{};
  int fd_{-1};
  VideoIdentity identity_;
};

}  // namespace framelog
