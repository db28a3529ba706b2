#include "core/poll.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace framelog {
namespace {

// Where a word has 32 bits the call of the old name takes times of 32 bits.
#if defined(SYS_ppoll_time64)
constexpr long kPoll = SYS_ppoll_time64;
static_assert(sizeof(timespec::tv_sec) == 8);
#else
constexpr long kPoll = SYS_ppoll;
#endif

}  // namespace

int poll_for(std::span<pollfd> descriptors, const timespec* patience) noexcept {
  // The call writes into the time that is left.
  timespec left{};
  if (patience != nullptr) left = *patience;
  const long ready = ::syscall(kPoll, descriptors.data(), descriptors.size(),
                               patience == nullptr ? nullptr : &left, nullptr, std::size_t{0});
  return ready < 0 ? -errno : static_cast<int>(ready);
}

}  // namespace framelog
