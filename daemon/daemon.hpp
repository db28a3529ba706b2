#pragma once

#include "arguments.hpp"
#include "command/instrument.hpp"

namespace framelog {

/// Records until a signal, a limit or the source ends it; the exit status. Signals are blocked when
/// it is called. Threads: main.
[[nodiscard]] int run_daemon(const Arguments& arguments, Instrument instrument);

}  // namespace framelog
