#include "drivers/v4l2_calls.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "core/poll.hpp"

namespace framelog {
namespace {

class SystemVideoCalls final : public VideoCalls {
 public:
  [[nodiscard]] int open(const char* path) const noexcept override {
    const int fd = ::open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
  }
  void close(int fd) const noexcept override { static_cast<void>(::close(fd)); }
  [[nodiscard]] int ioctl(int fd, unsigned long request, void* argument) const noexcept override {
    for (;;) {
      if (::ioctl(fd, request, argument) >= 0) return 0;
      if (errno != EINTR) return -errno;
    }
  }
  [[nodiscard]] std::byte* map(int fd, std::size_t bytes,
                               std::uint32_t offset) const noexcept override {
    // Some drivers refuse what is not writable as well.
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
  }
  void unmap(std::byte* memory, std::size_t bytes) const noexcept override {
    static_cast<void>(::munmap(memory, bytes));
  }
  [[nodiscard]] int poll(std::span<pollfd> descriptors,
                         const timespec* patience) const noexcept override {
    return poll_for(descriptors, patience);
  }
};

}  // namespace

const VideoCalls& system_video_calls() noexcept {
  static const SystemVideoCalls calls;
  return calls;
}

}  // namespace framelog
