#include "drivers/wait_for_input.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "core/poll.hpp"

namespace framelog {
namespace {

timespec time_until(Deadline deadline) noexcept {
  using std::chrono::nanoseconds;
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  const auto left = std::chrono::duration_cast<nanoseconds>(deadline - Deadline::clock::now());
  const std::int64_t ns = std::max<std::int64_t>(left.count(), 0);
  timespec time{};
  time.tv_sec = static_cast<std::time_t>(ns / kNsPerSecond);
  time.tv_nsec = static_cast<long>(ns % kNsPerSecond);
  return time;
}

Result<void> wait_for(short events, const UniqueFd& watched_fd, const UniqueFd& cancel,
                      Deadline deadline) noexcept {
  std::array<pollfd, 2> watched{{{.fd = watched_fd.get(), .events = events, .revents = 0},
                                 {.fd = cancel.get(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    const timespec time = time_until(deadline);
    const int ready = poll_for(watched, &time);
    if (ready == -EINTR) continue;
    if (ready < 0) return fail_errno(-ready, "cannot wait for the instrument");
    if (ready == 0) return fail(ErrorCode::kTimeout, "no frame yet");
    if (watched[1].revents != 0) {
      eventfd_t ignored{};
      ::eventfd_read(cancel.get(), &ignored);
      return fail(ErrorCode::kTimeout, "cancelled");
    }
    return {};
  }
}

}  // namespace

Result<void> wait_for_input(const UniqueFd& input, const UniqueFd& cancel,
                            Deadline deadline) noexcept {
  return wait_for(POLLIN, input, cancel, deadline);
}

Result<void> wait_for_output(const UniqueFd& output, const UniqueFd& cancel,
                             Deadline deadline) noexcept {
  return wait_for(POLLOUT, output, cancel, deadline);
}

}  // namespace framelog
