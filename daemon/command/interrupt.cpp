#include "command/interrupt.hpp"

#include <poll.h>

#include <csignal>

namespace framelog {
namespace {

volatile std::sig_atomic_t came = 0;

void on_signal(int /*signal*/) { came = 1; }

}  // namespace

void end_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // Without SA_RESTART: poll() ends.
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

bool interrupted() noexcept { return came != 0; }

void wait_unless_interrupted(std::chrono::milliseconds patience) {
  // Between the look and the wait a signal costs one wait at most.
  if (!interrupted()) ::poll(nullptr, 0, static_cast<int>(patience.count()));
}

}  // namespace framelog
