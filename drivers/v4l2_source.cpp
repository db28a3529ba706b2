#include "drivers/v4l2_source.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "drivers/jpeg_luma.hpp"

namespace framelog {

V4l2Source::V4l2Source(V4l2Config config, const VideoCalls& calls, VideoPlaces places)
    : config_(std::move(config)),
      calls_(calls),
      places_(std::move(places)),
      cancelled_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

V4l2Source::~V4l2Source() { stream_.stop(); }

Result<SourceInfo> V4l2Source::open() {
  stop();
  device_.close();
  if (!cancelled_.valid()) return fail(ErrorCode::kNoMemory, "no descriptor is left");
  auto path = find_video_node(calls_, places_, config_.device);
  if (!path) return std::unexpected(std::move(path.error()));
  auto info = set_up(*path);
  if (!info) device_.close();
  return info;
}

Result<SourceInfo> V4l2Source::set_up(const std::string& path) {
  auto device = VideoDevice::open(calls_, path);
  if (!device) return std::unexpected(std::move(device.error()));
  device_ = std::move(*device);
  if (auto good = check_device(path); !good) return std::unexpected(std::move(good.error()));
  if (auto agreed = agree(); !agreed) return std::unexpected(std::move(agreed.error()));
  shape_ = {video_.height_px, video_.width_px, pixel_type_of(*video_.format)};
  exposure_ns_ = exposure_ns(device_, controls_);
  device_.watch_source();
  return describe_source(path);
}

Result<void> V4l2Source::check_device(const std::string& path) const {
  if (!device_.identity().captures) {
    return fail(ErrorCode::kUnsupported, "is no camera that streams",
                fmt::format("{} ({})", path, device_.identity().card));
  }
  if (device_.in_use()) return fail_errno(EBUSY, "the camera is in use by another program", path);
  return {};
}

Result<void> V4l2Source::agree() {
  if (config_.input) {
    if (auto set = device_.set_input(*config_.input); !set) return set;
  }
  if (auto followed = device_.follow_signal(); !followed) return followed;
  controls_ = list_controls(device_);
  auto set = set_controls(device_, controls_, config_.controls, ControlTime::kBeforeFormat);
  if (!set) return set;
  auto video = negotiate(device_, config_.wishes);
  if (!video) return std::unexpected(std::move(video.error()));
  video_ = *video;
  controls_ = list_controls(device_);
  set = set_controls(device_, controls_, config_.controls, ControlTime::kAfterFormat);
  video_.rate_hz = device_.rate();  // A long exposure may have changed it.
  return set;
}

SourceInfo V4l2Source::describe_source(const std::string& path) const {
  const NegotiatedVideo& video = video_;
  const VideoIdentity& identity = device_.identity();
  const UsbIdentity usb = usb_identity(places_, path);
  SourceInfo info;
  info.shape = shape_;
  info.driver = "v4l2";
  info.vendor = usb.manufacturer;
  info.model = identity.card;
  info.serial = usb.serial;
  info.firmware = usb.release;
  info.description =
      fmt::format("{} at {} ({}, {}), {} ({}), {}", identity.card, path, identity.driver,
                  identity.bus, video.format->word, video.format->meaning, to_string(shape_));
  info.rate_hz = video.rate_hz;
  info.bit_depth = video.format->bits;
  info.saturation = static_cast<double>((1U << static_cast<unsigned>(video.format->bits)) - 1U);
  info.numbered = true;
  info.renumbers = true;
  info.settings = {{"device", path},
                   {"bus", identity.bus},
                   {"kernel_driver", fmt::format("{} {}", identity.driver, identity.version)},
                   {"format", std::string(video.format->word)},
                   {"pixels", std::string(video.format->meaning)},
                   {"width", std::to_string(video.width_px)},
                   {"height", std::to_string(video.height_px)},
                   {"rate", video.rate_hz ? fmt::format("{:.6g} Hz", *video.rate_hz) : "unknown"},
                   {"crop", video.crop ? to_string(*video.crop) : "off"},
                   {"buffers", std::to_string(config_.buffers)}};
  auto values = read_controls(device_, controls_);
  std::ranges::move(values, std::back_inserter(info.settings));
  return info;
}

Result<void> V4l2Source::start() {
  if (!device_.valid()) return fail(ErrorCode::kInvalid, "the camera is not open");
  if (streaming_) return fail(ErrorCode::kInvalid, "the camera is started already");
  if (auto started = stream_.start(config_.buffers); !started) return started;
  numbers_.restart();
  streaming_ = true;
  return {};
}

Result<FrameInfo> V4l2Source::read(std::span<std::byte> pixels, Deadline deadline) noexcept {
  if (!streaming_) return fail(ErrorCode::kDisconnected, "the camera is not started");
  if (pixels.size() != size_bytes(shape_)) {
    return fail(ErrorCode::kInvalid, "the buffer is not of the frame's size");
  }
  for (;;) {
    auto buffer = stream_.take();
    if (!buffer) return std::unexpected(broken(std::move(buffer.error())));
    if (*buffer) return deliver(**buffer, pixels);
    if (auto error = wait(deadline)) return std::unexpected(std::move(*error));
  }
}

/// Nothing where there may be a frame now.
std::optional<Error> V4l2Source::wait(Deadline deadline) noexcept {
  using enum VideoStream::Wake;
  switch (stream_.wait(cancelled_.get(), deadline)) {
    case kFrame:
      return std::nullopt;
    case kSource:
      if (!device_.take_source_change()) return std::nullopt;
      return broken({ErrorCode::kDisconnected, 0, "the camera's signal has changed", {}});
    case kCancelled: {
      eventfd_t times = 0;
      static_cast<void>(::eventfd_read(cancelled_.get(), &times));
      return Error{ErrorCode::kTimeout, 0, "cancelled", {}};
    }
    case kTime:
      return Error{ErrorCode::kTimeout, 0, "no frame yet", {}};
    case kBroken:
      break;
  }
  return broken({ErrorCode::kDisconnected, 0, "the camera does not stream any more", {}});
}

Error V4l2Source::broken(Error error) noexcept {
  broken_ = true;
  return error;
}

void V4l2Source::count(Counter counter) noexcept {
  counters_[counter].count.fetch_add(1, std::memory_order_relaxed);
}

Result<FrameInfo> V4l2Source::deliver(const VideoBuffer& buffer,
                                      std::span<std::byte> pixels) noexcept {
  FrameInfo info;
  info.source_sequence = numbers_.extend(buffer.sequence);
  info.monotonic_ns = buffer.monotonic_ns;
  info.exposure_ns = exposure_ns_;
  info.flags = fill(buffer, pixels);
  if (buffer.damaged) {
    info.flags |= kFlagCorrupt;
    count(kCorruptBuffers);
  }
  if (!stream_.give_back(buffer)) count(kNotTaken);
  return info;
}

std::uint32_t V4l2Source::fill(const VideoBuffer& buffer, std::span<std::byte> pixels) noexcept {
  if (video_.format->layout == VideoLayout::kCompressed) {
    if (decode_jpeg_luma(buffer.payload, shape_.height_px, shape_.width_px, pixels)) return 0;
    const bool empty = buffer.payload.empty();
    count(empty ? kShortBuffers : kUndecodable);
    return empty ? kFlagIncomplete : kFlagCorrupt;
  }
  const std::uint32_t rows =
      copy_rows(*video_.format, buffer.payload, video_.bytes_per_line, shape_, pixels);
  if (rows == shape_.height_px) return 0;
  count(kShortBuffers);
  return kFlagIncomplete;
}

void V4l2Source::stop() noexcept {
  stream_.stop();
  streaming_ = false;
  // The node of a camera that went away keeps its number for as long as it is open: let it come
  // back under the same one.
  if (std::exchange(broken_, false)) device_.close();
}

void V4l2Source::cancel() noexcept { static_cast<void>(::eventfd_write(cancelled_.get(), 1)); }

}  // namespace framelog
