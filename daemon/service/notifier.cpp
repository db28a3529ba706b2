#include "service/notifier.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/result.hpp"

namespace framelog {
namespace {

std::optional<std::chrono::nanoseconds> read_watchdog_interval() {
  std::uint64_t interval_us = 0;
  if (::sd_watchdog_enabled(0, &interval_us) <= 0) return std::nullopt;
  return std::chrono::microseconds(interval_us);
}

std::int64_t microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

Notifier::Notifier()
    : available_(std::getenv("NOTIFY_SOCKET") != nullptr),
      watchdog_interval_(read_watchdog_interval()) {}

void Notifier::ready() { send("READY=1"); }

void Notifier::status(std::string_view line) {
  std::string state = "STATUS=";
  // A line break would begin another assignment.
  for (const char c : line) state += c == '\n' ? ' ' : c;
  send(state);
}

void Notifier::reloading() {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                   microseconds(std::chrono::nanoseconds(system_clock().monotonic_ns()))));
}

void Notifier::stopping() { send("STOPPING=1"); }

void Notifier::extend_timeout(std::chrono::nanoseconds more) {
  send(fmt::format("EXTEND_TIMEOUT_USEC={}", microseconds(more)));
}

void Notifier::watchdog() { send("WATCHDOG=1"); }

void Notifier::send(const std::string& state) {
  if (!available_) return;
  const int sent = ::sd_notify(0, state.c_str());
  if (sent < 0 && !failed_) {
    log(LogLevel::kWarning, describe(Error{ErrorCode::kIo, -sent, "cannot tell systemd:", state}));
  }
  failed_ = sent < 0;
}

}  // namespace framelog
