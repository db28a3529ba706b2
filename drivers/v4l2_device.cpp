#include "drivers/v4l2_device.hpp"

#include <fmt/format.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <string_view>

#include "core/text.hpp"
#include "drivers/v4l2_format.hpp"

namespace framelog {
namespace {

constexpr std::uint32_t kMostListed = 256;  // Some drivers forget to end their lists.

template <std::size_t kLength>
std::string text_of(const __u8 (&text)[kLength]) {
  const auto* begin = reinterpret_cast<const char*>(text);
  return one_line(trim({begin, std::find(begin, begin + kLength, '\0')}));
}

VideoIdentity identity_of(const v4l2_capability& told) {
  const std::uint32_t can =
      (told.capabilities & V4L2_CAP_DEVICE_CAPS) != 0 ? told.device_caps : told.capabilities;
  const bool single = (can & V4L2_CAP_VIDEO_CAPTURE) != 0;
  const bool planes = (can & V4L2_CAP_VIDEO_CAPTURE_MPLANE) != 0;
  VideoIdentity identity;
  identity.driver = text_of(told.driver);
  identity.card = text_of(told.card);
  identity.bus = text_of(told.bus_info);
  identity.version = fmt::format("{}.{}.{}", told.version >> 16U, told.version >> 8U & 0xFFU,
                                 told.version & 0xFFU);
  identity.captures = (single || planes) && (can & V4L2_CAP_STREAMING) != 0;
  identity.planes = planes && !single;
  return identity;
}

VideoPicture picture_of(const v4l2_format& format) {
  if (V4L2_TYPE_IS_MULTIPLANAR(format.type)) {
    const auto& picture = format.fmt.pix_mp;
    return {picture.pixelformat, picture.width, picture.height, picture.plane_fmt[0].bytesperline};
  }
  const auto& picture = format.fmt.pix;
  return {picture.pixelformat, picture.width, picture.height, picture.bytesperline};
}

/// Setting what is set already would undo the size that somebody chose.
bool same_timings(const v4l2_bt_timings& one, const v4l2_bt_timings& other) {
  return one.width == other.width && one.height == other.height &&
         one.interlaced == other.interlaced && one.pixelclock == other.pixelclock;
}

std::unexpected<Error> refused(int result, const char* what, std::string context = {}) {
  if (result == -EBUSY) return fail_errno(EBUSY, "the camera is in use by another program");
  return fail_errno(-result, what, std::move(context));
}

}  // namespace

Result<VideoDevice> VideoDevice::open(const VideoCalls& calls, const std::string& path) {
  VideoDevice device;
  device.calls_ = &calls;
  const int fd = calls.open(path.c_str());
  if (fd == -EBUSY) return fail_errno(EBUSY, "the camera is in use by another program", path);
  if (fd < 0) return fail_errno(-fd, "cannot open the camera", path);
  device.fd_ = fd;
  v4l2_capability told{};
  const int result = device.call(VIDIOC_QUERYCAP, &told);
  if (result == -ENOTTY || result == -EINVAL) {
    return fail(ErrorCode::kUnsupported, "is no video device", path);
  }
  if (result < 0) return fail_errno(-result, "cannot ask the camera what it is", path);
  device.identity_ = identity_of(told);
  return device;
}

VideoDevice& VideoDevice::operator=(VideoDevice&& other) noexcept {
  if (this == &other) return *this;
  close();
  calls_ = other.calls_;
  fd_ = std::exchange(other.fd_, -1);
  identity_ = std::move(other.identity_);
  return *this;
}

void VideoDevice::close() noexcept {
  if (fd_ >= 0) calls_->close(std::exchange(fd_, -1));
}

std::uint32_t VideoDevice::buffer_type() const noexcept {
  return identity_.planes ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

// To free no buffers changes nothing, and is refused to all but the one who streams.
bool VideoDevice::in_use() const noexcept {
  v4l2_requestbuffers none{};
  none.type = buffer_type();
  none.memory = V4L2_MEMORY_MMAP;
  return call(VIDIOC_REQBUFS, &none) == -EBUSY;
}

Result<void> VideoDevice::set_input(int number) const {
  int input = number;
  const int result = call(VIDIOC_S_INPUT, &input);
  if (result == 0) return {};
  std::string names;
  for (std::uint32_t i = 0; i < kMostListed; ++i) {
    v4l2_input offered{};
    offered.index = i;
    if (call(VIDIOC_ENUMINPUT, &offered) != 0) break;
    fmt::format_to(std::back_inserter(names), "{}{} {}", i == 0 ? "" : ", ", i,
                   text_of(offered.name));
  }
  return refused(result, "the camera refuses the input",
                 fmt::format("{} (it has {})", number, names.empty() ? "none to choose" : names));
}

std::vector<std::uint32_t> VideoDevice::formats() const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < kMostListed; ++i) {
    v4l2_fmtdesc offered{};
    offered.index = i;
    offered.type = buffer_type();
    if (call(VIDIOC_ENUM_FMT, &offered) != 0) break;
    found.push_back(offered.pixelformat);
  }
  return found;
}

std::string VideoDevice::sizes_text(std::uint32_t fourcc) const {
  std::string text;
  for (std::uint32_t i = 0; i < kMostListed; ++i) {
    v4l2_frmsizeenum size{};
    size.index = i;
    size.pixel_format = fourcc;
    if (call(VIDIOC_ENUM_FRAMESIZES, &size) != 0) break;
    if (size.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
      const auto& range = size.stepwise;
      return fmt::format("{} x {} to {} x {} in steps of {} x {}", range.min_width,
                         range.min_height, range.max_width, range.max_height,
                         std::max(range.step_width, 1U), std::max(range.step_height, 1U));
    }
    fmt::format_to(std::back_inserter(text), "{}{} x {}", i == 0 ? "" : ", ", size.discrete.width,
                   size.discrete.height);
  }
  return text;
}

Result<VideoPicture> VideoDevice::picture() const {
  v4l2_format format{};
  format.type = buffer_type();
  if (const int result = call(VIDIOC_G_FMT, &format); result < 0) {
    return refused(result, "the camera does not tell its picture format");
  }
  return picture_of(format);
}

Result<VideoPicture> VideoDevice::set_picture(const VideoPicture& wanted) const {
  v4l2_format format{};
  format.type = buffer_type();
  // The colours stay as they are.
  if (const int result = call(VIDIOC_G_FMT, &format); result < 0) {
    return refused(result, "the camera does not tell its picture format");
  }
  if (identity_.planes) {
    auto& picture = format.fmt.pix_mp;
    picture.pixelformat = wanted.fourcc;
    picture.width = wanted.width_px;
    picture.height = wanted.height_px;
    picture.field = V4L2_FIELD_NONE;
    picture.num_planes = 1;
    picture.plane_fmt[0] = {};
  } else {
    auto& picture = format.fmt.pix;
    picture.pixelformat = wanted.fourcc;
    picture.width = wanted.width_px;
    picture.height = wanted.height_px;
    picture.field = V4L2_FIELD_NONE;
    picture.bytesperline = 0;
    picture.sizeimage = 0;
  }
  if (const int result = call(VIDIOC_S_FMT, &format); result < 0) {
    return refused(
        result, "the camera refuses the picture format",
        fmt::format("{} {} x {}", word_of(wanted.fourcc), wanted.width_px, wanted.height_px));
  }
  const std::uint32_t field = identity_.planes ? format.fmt.pix_mp.field : format.fmt.pix.field;
  if (field != V4L2_FIELD_NONE && field != V4L2_FIELD_ANY && field != V4L2_FIELD_INTERLACED) {
    return fail(
        ErrorCode::kUnsupported, "the camera delivers half pictures",
        fmt::format("field order {} (whole ones are recorded, progressive or interlaced)", field));
  }
  return picture_of(format);
}

std::optional<double> VideoDevice::rate() const noexcept {
  v4l2_streamparm parameters{};
  parameters.type = buffer_type();
  if (call(VIDIOC_G_PARM, &parameters) != 0) return std::nullopt;
  const v4l2_fract& period = parameters.parm.capture.timeperframe;
  if (period.numerator == 0 || period.denominator == 0) return std::nullopt;
  return static_cast<double>(period.denominator) / period.numerator;
}

Result<void> VideoDevice::set_rate(double rate_hz) const {
  constexpr double kMostDenominator = 4e9;
  v4l2_streamparm parameters{};
  parameters.type = buffer_type();
  int result = call(VIDIOC_G_PARM, &parameters);
  const bool can = (parameters.parm.capture.capability & V4L2_CAP_TIMEPERFRAME) != 0;
  if (result == -ENOTTY || result == -EINVAL || (result == 0 && !can)) {
    return fail(ErrorCode::kUnsupported, "the camera's rate cannot be set", "(rate = auto)");
  }
  if (result < 0) return refused(result, "the camera does not tell its rate");
  v4l2_fract& period = parameters.parm.capture.timeperframe;
  period.numerator = rate_hz < kMostDenominator / 1e4 ? 10'000 : 1;
  period.denominator = static_cast<__u32>(std::max(1.0, std::round(rate_hz * period.numerator)));
  if (result = call(VIDIOC_S_PARM, &parameters); result < 0) {
    return refused(result, "the camera refuses the rate", fmt::format("{} Hz", rate_hz));
  }
  return {};
}

std::optional<Region> VideoDevice::selection(std::uint32_t target) const noexcept {
  v4l2_selection selection{};
  // Also for multi-planar devices, as the kernel wants it.
  selection.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  selection.target = target;
  if (call(VIDIOC_G_SELECTION, &selection) != 0) return std::nullopt;
  const v4l2_rect& part = selection.r;
  if (part.left < 0 || part.top < 0 || part.width == 0 || part.height == 0) return std::nullopt;
  const auto top = static_cast<std::uint32_t>(part.top);
  const auto left = static_cast<std::uint32_t>(part.left);
  return Region{top, top + part.height, left, left + part.width};
}

std::optional<Region> VideoDevice::crop() const noexcept { return selection(V4L2_SEL_TGT_CROP); }

std::optional<Region> VideoDevice::crop_bounds() const noexcept {
  return selection(V4L2_SEL_TGT_CROP_BOUNDS);
}

std::optional<Region> VideoDevice::default_crop() const noexcept {
  return selection(V4L2_SEL_TGT_CROP_DEFAULT);
}

Result<Region> VideoDevice::set_crop(const Region& wanted) const {
  v4l2_selection selection{};
  selection.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  selection.target = V4L2_SEL_TGT_CROP;
  selection.r = {static_cast<__s32>(wanted.x_start), static_cast<__s32>(wanted.y_start),
                 wanted.width_px(), wanted.height_px()};
  if (const int result = call(VIDIOC_S_SELECTION, &selection); result < 0) {
    return refused(result, "the camera refuses to crop to", to_string(wanted));
  }
  const auto made = crop();
  if (!made) return fail(ErrorCode::kUnsupported, "the camera does not tell what it crops to");
  return *made;
}

// ENODATA and ENOTTY: it is a camera, or another kind of input.
Result<void> VideoDevice::follow_signal() const {
  v4l2_dv_timings received{};
  switch (call(VIDIOC_QUERY_DV_TIMINGS, &received)) {
    case 0:
      break;
    case -ENOLINK:
      return fail(ErrorCode::kDisconnected, "the camera's input has no signal");
    case -ENOLCK:
      return fail(ErrorCode::kDisconnected, "the signal at the camera's input is not steady");
    case -ERANGE:
      return fail(ErrorCode::kDisconnected, "the camera does not know the signal at its input");
    default:
      return {};
  }
  v4l2_dv_timings chosen{};
  if (call(VIDIOC_G_DV_TIMINGS, &chosen) == 0 && same_timings(chosen.bt, received.bt)) return {};
  const int result = call(VIDIOC_S_DV_TIMINGS, &received);
  if (result == 0) return {};
  return refused(
      result, "the camera refuses its signal's timings",
      fmt::format("{} x {}", std::uint32_t{received.bt.width}, std::uint32_t{received.bt.height}));
}

void VideoDevice::watch_source() const noexcept {
  v4l2_event_subscription wanted{};
  wanted.type = V4L2_EVENT_SOURCE_CHANGE;
  // Events of other inputs have other ids. Where there is nothing to choose, it is 0.
  int input = 0;
  if (call(VIDIOC_G_INPUT, &input) == 0) wanted.id = static_cast<__u32>(input);
  static_cast<void>(call(VIDIOC_SUBSCRIBE_EVENT, &wanted));
}

bool VideoDevice::take_source_change() const noexcept {
  v4l2_event event{};
  if (call(VIDIOC_DQEVENT, &event) != 0 || event.type != V4L2_EVENT_SOURCE_CHANGE) return false;
  return (event.u.src_change.changes & V4L2_EVENT_SRC_CH_RESOLUTION) != 0;
}

}  // namespace framelog
