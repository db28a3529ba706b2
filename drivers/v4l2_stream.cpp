#include "drivers/v4l2_stream.hpp"

#include <fmt/format.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <utility>

namespace framelog {
namespace {

constexpr std::uint32_t kFewestBuffers = 2;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kNsPerMicrosecond = 1'000;
// Far deadlines are approached in steps, so that no sum overflows.
constexpr std::chrono::nanoseconds kLongestStep = std::chrono::hours(1);

/// One buffer's description with room for its planes.
struct Described {
  v4l2_buffer buffer{};
  std::array<v4l2_plane, VIDEO_MAX_PLANES> planes{};

  explicit Described(const VideoDevice& device, std::uint32_t index = 0) noexcept {
    buffer.type = device.buffer_type();
    buffer.memory = V4L2_MEMORY_MMAP;
    buffer.index = index;
    if (!device.identity().planes) return;
    buffer.m.planes = planes.data();
    buffer.length = VIDEO_MAX_PLANES;
  }
  Described(const Described&) = delete;
  Described& operator=(const Described&) = delete;
};

std::int64_t time_of(const v4l2_buffer& buffer) noexcept {
  if ((buffer.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC) return -1;
  const std::int64_t ns =
      buffer.timestamp.tv_sec * kNsPerSecond + buffer.timestamp.tv_usec * kNsPerMicrosecond;
  return ns > 0 ? ns : -1;
}

}  // namespace

Result<void> VideoStream::start(std::uint32_t buffers) {
  stop();
  v4l2_requestbuffers wanted{};
  wanted.count = buffers;
  wanted.type = device_.buffer_type();
  wanted.memory = V4L2_MEMORY_MMAP;
  if (const int result = device_.call(VIDIOC_REQBUFS, &wanted); result < 0) {
    return fail_errno(-result, result == -EBUSY ? "the camera is in use by another program"
                                                : "the camera gives no buffers");
  }
  has_buffers_ = true;
  buffers_ = std::min(wanted.count, kMostBuffers);
  if (buffers_ < kFewestBuffers) {
    stop();
    return fail(ErrorCode::kNoMemory, "the camera gives too few buffers",
                fmt::format("({}, at least {})", wanted.count, kFewestBuffers));
  }
  for (std::uint32_t index = 0; index < buffers_; ++index) {
    if (auto mapped = map(index); !mapped) {
      stop();
      return mapped;
    }
  }
  auto type = static_cast<int>(device_.buffer_type());
  if (const int result = device_.call(VIDIOC_STREAMON, &type); result < 0) {
    stop();
    return fail_errno(-result, "the camera does not start");
  }
  return {};
}

Result<void> VideoStream::map(std::uint32_t index) {
  Described described(device_, index);
  if (const int result = device_.call(VIDIOC_QUERYBUF, &described.buffer); result < 0) {
    return fail_errno(-result, "the camera does not describe its buffers");
  }
  const bool planes = device_.identity().planes;
  // What is recorded, mono, mosaic or luma, is the first plane.
  const std::size_t bytes = planes ? described.planes[0].length : described.buffer.length;
  const std::uint32_t offset =
      planes ? described.planes[0].m.mem_offset : described.buffer.m.offset;
  std::byte* memory = device_.calls().map(device_.fd(), bytes, offset);
  if (memory == nullptr) return fail(ErrorCode::kNoMemory, "cannot map the camera's buffers");
  mappings_[index] = {memory, bytes};
  if (const int result = give(index); result < 0) {
    return fail_errno(-result, "the camera does not take its buffers");
  }
  return {};
}

void VideoStream::stop() noexcept {
  if (!std::exchange(has_buffers_, false)) return;
  auto type = static_cast<int>(device_.buffer_type());
  static_cast<void>(device_.call(VIDIOC_STREAMOFF, &type));
  for (Mapping& mapping : mappings_) {
    if (mapping.memory != nullptr) device_.calls().unmap(mapping.memory, mapping.bytes);
    mapping = {};
  }
  v4l2_requestbuffers none{};
  none.type = device_.buffer_type();
  none.memory = V4L2_MEMORY_MMAP;
  static_cast<void>(device_.call(VIDIOC_REQBUFS, &none));
  buffers_ = 0;
  refused_ = 0;
}

int VideoStream::give(std::uint32_t index) noexcept {
  Described described(device_, index);
  // How many planes there are only the description tells.
  if (device_.identity().planes) {
    if (const int result = device_.call(VIDIOC_QUERYBUF, &described.buffer); result < 0) {
      return result;
    }
  }
  return device_.call(VIDIOC_QBUF, &described.buffer);
}

bool VideoStream::give_back(const VideoBuffer& buffer) noexcept {
  if (give(buffer.index) == 0) return true;
  refused_ |= 1U << buffer.index;
  return false;
}

void VideoStream::offer_again() noexcept {
  for (std::uint32_t left = refused_; left != 0; left &= left - 1) {
    const auto index = static_cast<std::uint32_t>(std::countr_zero(left));
    if (give(index) == 0) refused_ &= ~(1U << index);
  }
}

Result<std::optional<VideoBuffer>> VideoStream::take() noexcept {
  if (refused_ != 0) {
    offer_again();
    if (std::popcount(refused_) == static_cast<int>(buffers_)) {
      return fail(ErrorCode::kDisconnected, "the camera takes no buffer back");
    }
  }
  Described described(device_);
  const v4l2_buffer& buffer = described.buffer;
  const int result = device_.call(VIDIOC_DQBUF, &described.buffer);
  if (result == -EAGAIN) return std::optional<VideoBuffer>();
  if (result < 0) {
    return std::unexpected(Error{ErrorCode::kDisconnected, -result, "the camera stopped", {}});
  }
  if (buffer.index >= buffers_) {
    return fail(ErrorCode::kDisconnected, "the camera gave a buffer that it does not have");
  }
  const Mapping& mapping = mappings_[buffer.index];
  const bool planes = device_.identity().planes;
  const std::size_t used = planes ? described.planes[0].bytesused : buffer.bytesused;
  const std::size_t end = std::min(used, mapping.bytes);
  const std::size_t begin =
      planes ? std::min<std::size_t>(described.planes[0].data_offset, end) : 0;
  return VideoBuffer{buffer.index,
                     {mapping.memory + begin, end - begin},
                     buffer.sequence,
                     time_of(buffer),
                     (buffer.flags & V4L2_BUF_FLAG_ERROR) != 0};
}

VideoStream::Wake VideoStream::wait(int cancel, Deadline deadline) const noexcept {
  std::array<pollfd, 2> descriptors{pollfd{device_.fd(), POLLIN | POLLPRI, 0},
                                    pollfd{cancel, POLLIN, 0}};
  const auto left = std::clamp<std::chrono::nanoseconds>(
      deadline - std::min(deadline, std::chrono::steady_clock::now()), std::chrono::nanoseconds(0),
      kLongestStep);
  const timespec patience{left.count() / kNsPerSecond,
                          static_cast<long>(left.count() % kNsPerSecond)};
  const int ready = device_.calls().poll(descriptors, &patience);
  if (ready == 0 || ready == -EINTR) return Wake::kTime;
  if (ready < 0) return Wake::kBroken;
  if (descriptors[1].revents != 0) return Wake::kCancelled;
  const short told = descriptors[0].revents;
  if ((told & POLLIN) != 0) return Wake::kFrame;
  if ((told & POLLPRI) != 0) return Wake::kSource;
  return Wake::kBroken;
}

}  // namespace framelog
