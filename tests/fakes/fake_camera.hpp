#pragma once

#include <linux/videodev2.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/unique_fd.hpp"
#include "drivers/v4l2_calls.hpp"

namespace framelog {

/// A camera behind V4L2's calls, as the kernel's documentation describes them: it delivers what a
/// test puts into its buffers, and fails where a test wants it to. Threads: one at a time; poll()
/// may wait in one while another writes to the descriptor that cancels it.
class FakeCamera final : public VideoCalls {
 public:
  struct Offer {
    std::uint32_t fourcc{};
    std::vector<std::pair<std::uint32_t, std::uint32_t>> sizes;  ///< Width, height.
    std::uint32_t bits{8};                                       ///< Of a pixel in memory.
  };
  struct Control {
    std::uint32_t id{};
    std::uint32_t type{};
    std::string name;
    std::int64_t least{};
    std::int64_t most{};
    std::int64_t value{};
    std::uint32_t flags{};
    std::map<std::int64_t, std::string> items{};
    std::string text{};
  };
  struct Frame {
    std::vector<std::byte> payload;
    std::uint32_t sequence{};
    std::uint32_t flags{V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC};
    std::int64_t microseconds{1'000'000};
  };

  // What it is.
  std::string card{"Fake Camera"};
  std::string bus{"usb-fake-1"};
  std::uint32_t device_caps{V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING};
  std::vector<Offer> offers{{V4L2_PIX_FMT_YUYV, {{4, 2}, {8, 6}}, 16},
                            {V4L2_PIX_FMT_GREY, {{4, 2}, {8, 6}}, 8},
                            {V4L2_PIX_FMT_Y10, {{4, 2}, {6, 4}}, 16}};
  std::uint32_t padding{};  ///< Bytes behind each row.
  std::uint32_t most_buffers{32};
  std::uint32_t plane_offset{};  ///< Of the data in a plane.
  std::vector<Control> controls;
  bool crops{};
  std::uint32_t crop_step{1};
  bool has_rate{true};

  // What happens.
  mutable std::map<unsigned long, std::deque<int>> failures;  ///< Next results of a call.
  int open_error{};
  bool gone{};                           ///< Unplugged.
  mutable int source_changes{};          ///< Events that wait, of the input 1.
  std::optional<v4l2_area> signal;       ///< Its size, where the input receives one.
  mutable std::vector<std::string> log;  ///< Controls as they are set, "format", "stream on".
  mutable int opened{};
  mutable int closed{};
  mutable std::size_t mapped{};
  mutable v4l2_fract period{1, 30};
  mutable v4l2_rect cropped{0, 0, 8, 6};
  mutable v4l2_area size_now{4, 2};
  mutable int input{};
  mutable int watched_input{-1};  ///< Whose events are told.
  mutable std::uint32_t fourcc_now{V4L2_PIX_FMT_YUYV};

  /// Fills the oldest queued buffer; false where none is queued.
  bool deliver(const Frame& frame) {
    if (queued_.empty()) return false;
    const std::uint32_t index = queued_.front();
    queued_.pop_front();
    const std::size_t bytes = std::min(frame.payload.size(), memory_[index].size() - plane_offset);
    std::copy_n(frame.payload.begin(), bytes, memory_[index].begin() + plane_offset);
    filled_.emplace_back(index, frame);
    constexpr std::uint64_t kOne = 1;
    return ::write(ready_.get(), &kOne, sizeof kOne) == sizeof kOne;
  }
  [[nodiscard]] std::size_t queued() const { return queued_.size(); }
  [[nodiscard]] std::uint32_t bytes_per_line() const {
    return size_now.width * offer_of(fourcc_now).bits / 8 + padding;
  }

  [[nodiscard]] int open(const char*) const noexcept override {
    if (open_error != 0) return -open_error;
    ++opened;
    return ready_.get();
  }
  void close(int) const noexcept override { ++closed; }
  [[nodiscard]] std::byte* map(int, std::size_t bytes,
                               std::uint32_t offset) const noexcept override {
    mapped += bytes;
    return memory_[offset].data();
  }
  void unmap(std::byte*, std::size_t bytes) const noexcept override { mapped -= bytes; }
  [[nodiscard]] int poll(std::span<pollfd> descriptors,
                         const timespec* patience) const noexcept override {
    if (gone || (source_changes > 0 && watched_input == 1)) {
      descriptors[0].revents = static_cast<short>(gone ? POLLERR | POLLHUP : POLLPRI);
      return 1;
    }
    return system_video_calls().poll(descriptors, patience);
  }
  [[nodiscard]] int ioctl(int, unsigned long request, void* argument) const noexcept override {
    auto& results = failures[request];
    if (!results.empty()) {
      const int result = results.front();
      results.pop_front();
      if (result != 0) return -result;
    }
    if (gone) return -ENODEV;
    return answer(request, argument);
  }

 private:
  template <class T>
  static T& as(void* argument) noexcept {
    return *static_cast<T*>(argument);
  }
  template <std::size_t kLength>
  static void put(__u8 (&to)[kLength], const std::string& text) noexcept {
    std::memcpy(to, text.data(), std::min(text.size(), kLength - 1));
  }
  [[nodiscard]] bool planes() const noexcept {
    return (device_caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE) != 0;
  }
  [[nodiscard]] const Offer& offer_of(std::uint32_t fourcc) const noexcept {
    const auto found = std::ranges::find(offers, fourcc, &Offer::fourcc);
    return found == offers.end() ? offers.front() : *found;
  }
  [[nodiscard]] std::uint32_t frame_bytes() const noexcept {
    return bytes_per_line() * size_now.height + plane_offset;
  }

  int answer(unsigned long request, void* argument) const noexcept {
    switch (request) {
      case VIDIOC_QUERYCAP:
        return identify(as<v4l2_capability>(argument));
      case VIDIOC_ENUM_FMT:
        return enumerate(as<v4l2_fmtdesc>(argument));
      case VIDIOC_ENUM_FRAMESIZES:
        return enumerate(as<v4l2_frmsizeenum>(argument));
      case VIDIOC_G_FMT:
        return tell(as<v4l2_format>(argument));
      case VIDIOC_S_FMT:
        return choose(as<v4l2_format>(argument));
      case VIDIOC_G_PARM:
      case VIDIOC_S_PARM:
        return pace(request == VIDIOC_S_PARM, as<v4l2_streamparm>(argument));
      case VIDIOC_G_SELECTION:
      case VIDIOC_S_SELECTION:
        return select(request == VIDIOC_S_SELECTION, as<v4l2_selection>(argument));
      case VIDIOC_QUERY_EXT_CTRL:
        return describe_control(as<v4l2_query_ext_ctrl>(argument));
      case VIDIOC_QUERYMENU:
        return describe_item(as<v4l2_querymenu>(argument));
      case VIDIOC_G_EXT_CTRLS:
      case VIDIOC_S_EXT_CTRLS:
        return control(request == VIDIOC_S_EXT_CTRLS, *as<v4l2_ext_controls>(argument).controls);
      case VIDIOC_DQEVENT:
        return take_event(as<v4l2_event>(argument));
      case VIDIOC_SUBSCRIBE_EVENT:
        watched_input = static_cast<int>(as<v4l2_event_subscription>(argument).id);
        return 0;
      default:
        return answer_of_inputs(request, argument);
    }
  }

  int answer_of_inputs(unsigned long request, void* argument) const noexcept {
    switch (request) {
      case VIDIOC_G_INPUT:
        as<int>(argument) = input;
        return 0;
      case VIDIOC_S_INPUT:
        input = as<int>(argument);
        return 0;
      case VIDIOC_QUERY_DV_TIMINGS:
        return signal ? tell_timings(as<v4l2_dv_timings>(argument), *signal) : -ENODATA;
      case VIDIOC_G_DV_TIMINGS:
        return tell_timings(as<v4l2_dv_timings>(argument), size_now);
      case VIDIOC_S_DV_TIMINGS:
        size_now = *signal;
        return 0;
      default:
        return answer_of_buffers(request, argument);
    }
  }

  int answer_of_buffers(unsigned long request, void* argument) const noexcept {
    switch (request) {
      case VIDIOC_REQBUFS:
        return give_memory(as<v4l2_requestbuffers>(argument));
      case VIDIOC_QUERYBUF:
        return describe_buffer(as<v4l2_buffer>(argument));
      case VIDIOC_QBUF:
        queued_.push_back(as<v4l2_buffer>(argument).index);
        return 0;
      case VIDIOC_DQBUF:
        return dequeue(as<v4l2_buffer>(argument));
      case VIDIOC_STREAMON:
        log.emplace_back("stream on");
        return 0;
      case VIDIOC_STREAMOFF:
        queued_.clear();
        filled_.clear();
        return drain();
      default:
        return -ENOTTY;
    }
  }

  static int tell_timings(v4l2_dv_timings& told, v4l2_area size) noexcept {
    told.bt.width = size.width;
    told.bt.height = size.height;
    return 0;
  }
  int identify(v4l2_capability& told) const noexcept {
    told = {};
    put(told.driver, "fakecam");
    put(told.card, card);
    put(told.bus_info, bus);
    told.version = 0x060102;
    told.capabilities = device_caps | V4L2_CAP_DEVICE_CAPS;
    told.device_caps = device_caps;
    return 0;
  }
  int enumerate(v4l2_fmtdesc& told) const noexcept {
    if (told.index >= offers.size()) return -EINVAL;
    told.pixelformat = offers[told.index].fourcc;
    return 0;
  }
  int enumerate(v4l2_frmsizeenum& told) const noexcept {
    const auto& sizes = offer_of(told.pixel_format).sizes;
    if (told.index >= sizes.size()) return -EINVAL;
    told.type = V4L2_FRMSIZE_TYPE_DISCRETE;
    told.discrete = {sizes[told.index].first, sizes[told.index].second};
    return 0;
  }
  int tell(v4l2_format& told) const noexcept {
    if (planes()) {
      told.fmt.pix_mp.pixelformat = fourcc_now;
      told.fmt.pix_mp.width = size_now.width;
      told.fmt.pix_mp.height = size_now.height;
      told.fmt.pix_mp.num_planes = 1;
      told.fmt.pix_mp.plane_fmt[0].bytesperline = bytes_per_line();
    } else {
      told.fmt.pix.pixelformat = fourcc_now;
      told.fmt.pix.width = size_now.width;
      told.fmt.pix.height = size_now.height;
      told.fmt.pix.bytesperline = bytes_per_line();
    }
    return 0;
  }
  /// As cameras do: something that it has, whatever was asked for.
  int choose(v4l2_format& wanted) const noexcept {
    const bool many = planes();
    const std::uint32_t fourcc = many ? wanted.fmt.pix_mp.pixelformat : wanted.fmt.pix.pixelformat;
    const Offer& offer = offer_of(fourcc);
    const std::uint32_t width_px = many ? wanted.fmt.pix_mp.width : wanted.fmt.pix.width;
    const std::uint32_t height_px = many ? wanted.fmt.pix_mp.height : wanted.fmt.pix.height;
    const std::pair size(width_px, height_px);
    fourcc_now = offer.fourcc;
    log.emplace_back("format");
    const bool free = crops && size.first == cropped.width && size.second == cropped.height;
    const bool has = free || std::ranges::find(offer.sizes, size) != offer.sizes.end();
    const auto made = has ? size : offer.sizes.front();
    size_now = {made.first, made.second};
    return tell(wanted);
  }
  int pace(bool set, v4l2_streamparm& parameters) const noexcept {
    if (!has_rate) return -ENOTTY;
    v4l2_captureparm& told = parameters.parm.capture;
    // It has whole rates only.
    if (set) period = {1, told.timeperframe.denominator / told.timeperframe.numerator};
    told.capability = V4L2_CAP_TIMEPERFRAME;
    told.timeperframe = period;
    return 0;
  }
  int select(bool set, v4l2_selection& selection) const noexcept {
    if (!crops) return -ENOTTY;
    if (selection.target != V4L2_SEL_TGT_CROP) {
      selection.r = {0, 0, 8, 6};
    } else if (set) {
      cropped = selection.r;
      cropped.width -= cropped.width % crop_step;
    }
    if (selection.target == V4L2_SEL_TGT_CROP) selection.r = cropped;
    return 0;
  }
  int describe_control(v4l2_query_ext_ctrl& told) const noexcept {
    const std::uint32_t after = told.id & V4L2_CTRL_ID_MASK;
    for (const Control& each : controls) {
      if (each.id <= after) continue;
      told = {};
      told.id = each.id;
      told.type = each.type;
      const std::size_t length = std::min(each.name.size(), sizeof told.name - 1);
      std::memcpy(told.name, each.name.data(), length);
      told.minimum = each.least;
      told.maximum = each.most;
      told.flags = each.flags;
      told.elem_size = static_cast<__u32>(each.most + 1);
      return 0;
    }
    return -EINVAL;
  }
  Control* find_control(std::uint32_t id) const noexcept {
    const auto found = std::ranges::find(state_of_controls(), id, &Control::id);
    return found == state_of_controls().end() ? nullptr : &*found;
  }
  /// Their values are the camera's state, which its calls change.
  [[nodiscard]] std::vector<Control>& state_of_controls() const noexcept {
    return const_cast<std::vector<Control>&>(controls);  // NOLINT
  }
  int describe_item(v4l2_querymenu& told) const noexcept {
    const Control* of = find_control(told.id);
    if (of == nullptr || !of->items.contains(told.index)) return -EINVAL;
    const std::string& name = of->items.at(told.index);
    if (of->type == V4L2_CTRL_TYPE_INTEGER_MENU) {
      told.value = std::stoll(name);
    } else {
      std::memcpy(&told.name, name.c_str(), std::min(name.size() + 1, sizeof told.name));
    }
    return 0;
  }
  int control(bool set, v4l2_ext_control& call) const noexcept {
    Control* of = find_control(call.id);
    if (of == nullptr) return -EINVAL;
    if (of->type == V4L2_CTRL_TYPE_STRING) {
      if (set) of->text = call.string;
      std::memcpy(call.string, of->text.c_str(),
                  std::min<std::size_t>(call.size, of->text.size() + 1));
    } else if (of->type == V4L2_CTRL_TYPE_INTEGER64) {
      if (set) of->value = call.value64;
      call.value64 = of->value;
    } else {
      if (set) of->value = call.value;
      call.value = static_cast<__s32>(of->value);
    }
    if (set) log.push_back(of->name);
    return 0;
  }
  int take_event(v4l2_event& event) const noexcept {
    if (source_changes == 0) return -ENOENT;
    --source_changes;
    event.type = V4L2_EVENT_SOURCE_CHANGE;
    event.u.src_change.changes = V4L2_EVENT_SRC_CH_RESOLUTION;
    return 0;
  }

  int give_memory(v4l2_requestbuffers& wanted) const noexcept {
    wanted.count = std::min(wanted.count, most_buffers);
    memory_.assign(wanted.count, std::vector<std::byte>(frame_bytes(), std::byte{0xEE}));
    queued_.clear();
    filled_.clear();
    return drain();
  }
  int describe_buffer(v4l2_buffer& buffer) const noexcept {
    if (planes()) {
      buffer.length = 1;
      buffer.m.planes[0].length = frame_bytes();
      buffer.m.planes[0].m.mem_offset = buffer.index;
    } else {
      buffer.length = frame_bytes();
      buffer.m.offset = buffer.index;
    }
    return 0;
  }
  int dequeue(v4l2_buffer& buffer) const noexcept {
    std::uint64_t one = 0;
    if (::read(ready_.get(), &one, sizeof one) != sizeof one) return -EAGAIN;
    const auto [index, frame] = std::move(filled_.front());
    filled_.pop_front();
    buffer.index = index;
    buffer.sequence = frame.sequence;
    buffer.flags = frame.flags;
    buffer.timestamp = {frame.microseconds / 1'000'000, frame.microseconds % 1'000'000};
    const auto used = static_cast<std::uint32_t>(frame.payload.size());
    if (planes()) {
      buffer.m.planes[0].bytesused = used + plane_offset;
      buffer.m.planes[0].data_offset = plane_offset;
    } else {
      buffer.bytesused = used;
    }
    return 0;
  }
  int drain() const noexcept {
    std::uint64_t one = 0;
    while (::read(ready_.get(), &one, sizeof one) == sizeof one) continue;
    return 0;
  }

  UniqueFd ready_{::eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC)};
  mutable std::vector<std::vector<std::byte>> memory_;
  mutable std::deque<std::uint32_t> queued_;
  mutable std::deque<std::pair<std::uint32_t, Frame>> filled_;
};

}  // namespace framelog
