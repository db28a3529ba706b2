#pragma once

#include <chrono>

namespace framelog {

/// From now on Ctrl-C and SIGTERM do not kill the program: interrupted() says that they came, and
/// a call that waits is interrupted. More of them change nothing while it clears up; one that comes
/// five seconds later kills it.
void end_on_interrupt();
[[nodiscard]] bool interrupted() noexcept;
/// Waits; ends early when interrupted.
void wait_unless_interrupted(std::chrono::milliseconds patience);

}  // namespace framelog
