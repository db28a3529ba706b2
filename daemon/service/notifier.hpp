#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace framelog {

/// Tells systemd how the service is doing, by datagrams to NOTIFY_SOCKET; without that variable
/// all of it does nothing. A message that cannot be sent is logged, once. Threads: control.
class Notifier {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  Notifier();

  /// Whether anybody listens.
  [[nodiscard]] bool is_available() const noexcept { return available_; }
  /// How often watchdog() is expected; none: not at all, or not by this process.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> watchdog_interval() const noexcept {
    return watchdog_interval_;
  }

  void ready();
  /// One line for people, shown by systemctl status.
  void status(std::string_view line);
  /// The configuration is being read again; ready() ends it.
  void reloading();
  void stopping();
  /// Starting or stopping goes on, and may take so much longer from now on.
  void extend_timeout(std::chrono::nanoseconds more);
  void watchdog();

 private:
  void send(const std::string& state);

  bool available_;
  bool failed_{};
  std::optional<std::chrono::nanoseconds> watchdog_interval_;
};

}  // namespace framelog
