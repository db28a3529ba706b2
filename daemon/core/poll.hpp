#pragma once

#include <poll.h>

#include <ctime>
#include <span>

namespace framelog {

/// As ppoll() without a mask of signals: descriptors with something to tell, 0 when the time is
/// over (null: never), or -errno. On 32-bit systems glibc 2.36's ppoll(), when it is hardened by
/// _FORTIFY_SOURCE, takes times of 64 bits for such of 32, and does not wait. Threads: any.
[[nodiscard]] int poll_for(std::span<pollfd> descriptors, const timespec* patience) noexcept;

}  // namespace framelog
