#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/unique_fd.hpp"

/// Private to the gpio*.cpp files of this folder: what both versions of libgpiod need.
namespace framelog::gpio {

/// Waits for descriptors, and for a call to stop waiting.
class Waiter {
 public:
  /// Errors: kIo.
  [[nodiscard]] static Result<Waiter> make();
  /// Borrowed.
  void watch(int fd) { fds_.push_back(fd); }
  /// Errors: kDisconnected when a descriptor has failed: its chip has gone.
  [[nodiscard]] Result<void> wait(Deadline deadline);
  void wake() noexcept;
  [[nodiscard]] static bool is_readable(int fd) noexcept;

 private:
  UniqueFd woken_;
  std::vector<int> fds_;
};

/// Paths of all chips: /dev/gpiochip0, ... in the order of their numbers.
[[nodiscard]] std::vector<std::string> chip_paths();

/// "line BUTTON of /dev/gpiochip0"
[[nodiscard]] std::string place_of(const std::string& path, const std::string& line);

}  // namespace framelog::gpio
