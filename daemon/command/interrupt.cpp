#include "command/interrupt.hpp"

#include <poll.h>

#include <csignal>
#include <ctime>

namespace framelog {
namespace {

volatile std::sig_atomic_t came = 0;
volatile std::time_t came_at_s = 0;

std::time_t seconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

/// Calls nothing but what may be called in a signal's handler.
void on_signal(int signal) {
  constexpr std::time_t kPatience = 5;
  const std::time_t now = seconds_now();
  if (came == 0) {
    came_at_s = now;
    came = 1;
  } else if (now - came_at_s >= kPatience) {
    ::signal(signal, SIG_DFL);
    ::raise(signal);  // Comes when this returns, because the signal is blocked meanwhile.
  }
}

}  // namespace

void end_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = on_signal;  // Without SA_RESTART: poll() ends.
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

bool interrupted() noexcept { return came != 0; }

void wait_unless_interrupted(std::chrono::milliseconds patience) {
  // Between the look and the wait a signal costs one wait at most.
  if (!interrupted()) ::poll(nullptr, 0, static_cast<int>(patience.count()));
}

}  // namespace framelog
