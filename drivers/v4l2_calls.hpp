#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>

namespace framelog {

/// The system calls of the V4L2 driver: tests put a camera of their own in the kernel's place.
/// Threads: any.
class VideoCalls {
 public:
  virtual ~VideoCalls() = default;
  /// A descriptor that does not block, or -errno.
  [[nodiscard]] virtual int open(const char* path) const noexcept = 0;
  virtual void close(int fd) const noexcept = 0;
  /// 0 or -errno; goes on after a signal.
  [[nodiscard]] virtual int ioctl(int fd, unsigned long request, void* argument) const noexcept = 0;
  /// Null where it is refused.
  [[nodiscard]] virtual std::byte* map(int fd, std::size_t bytes,
                                       std::uint32_t offset) const noexcept = 0;
  virtual void unmap(std::byte* memory, std::size_t bytes) const noexcept = 0;
  /// As poll_for().
  [[nodiscard]] virtual int poll(std::span<pollfd> descriptors,
                                 const timespec* patience) const noexcept = 0;
};

/// The kernel's own.
[[nodiscard]] const VideoCalls& system_video_calls() noexcept;

}  // namespace framelog
