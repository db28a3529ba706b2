#include "service/gpio_wait.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>

#include "core/poll.hpp"

namespace framelog::gpio {

Result<Waiter> Waiter::make() {
  Waiter waiter;
  waiter.woken_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!waiter.woken_.valid()) return fail_errno(errno, "cannot make an eventfd");
  return waiter;
}

Result<void> Waiter::wait(Deadline deadline) {
  using std::chrono::nanoseconds;
  std::vector<pollfd> wanted{{woken_.get(), POLLIN, 0}};
  for (const int fd : fds_) wanted.push_back({fd, POLLIN | POLLPRI, 0});
  timespec timeout{};
  if (deadline != kNoDeadline) {
    const auto left =
        std::chrono::duration_cast<nanoseconds>(deadline - std::chrono::steady_clock::now());
    const auto ns = std::max(std::int64_t{0}, std::int64_t{left.count()});
    timeout.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  }
  const int ready = poll_for(wanted, deadline == kNoDeadline ? nullptr : &timeout);
  if (ready < 0 && ready != -EINTR) return fail_errno(-ready, "cannot wait for GPIO lines");
  if (ready <= 0) return {};
  if ((wanted.front().revents & POLLIN) != 0) {
    eventfd_t times = 0;
    static_cast<void>(::eventfd_read(woken_.get(), &times));
  }
  const bool gone = std::any_of(wanted.begin() + 1, wanted.end(), [](const pollfd& of) {
    return (of.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  });
  if (gone) return fail(ErrorCode::kDisconnected, "the GPIO chip has gone");
  return {};
}

void Waiter::wake() noexcept { static_cast<void>(::eventfd_write(woken_.get(), 1)); }

bool Waiter::is_readable(int fd) noexcept {
  pollfd wanted{fd, POLLIN | POLLPRI, 0};
  return ::poll(&wanted, 1, 0) > 0 && (wanted.revents & (POLLIN | POLLPRI)) != 0;
}

std::vector<std::string> chip_paths() {
  std::vector<std::pair<std::size_t, std::string>> found;
  std::error_code error;
  constexpr std::string_view kPrefix = "gpiochip";
  for (std::filesystem::directory_iterator entry("/dev", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    // A link, as for an old number of a chip, would show it twice.
    if (name.starts_with(kPrefix) && entry->is_character_file(error) && !entry->is_symlink(error)) {
      found.emplace_back(name.size(), entry->path().string());
    }
  }
  std::ranges::sort(found);
  std::vector<std::string> paths;
  for (auto& [length, path] : found) paths.push_back(std::move(path));
  return paths;
}

std::string place_of(const std::string& path, const std::string& line) {
  return fmt::format("line {} of {}", line, path);
}

}  // namespace framelog::gpio
