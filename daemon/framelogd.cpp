#include <malloc.h>
#include <sys/resource.h>

#include <csignal>
#include <iostream>

#include "arguments.hpp"
#include "command/instrument.hpp"
#include "core/event.hpp"
#include "daemon.hpp"
#include "kept_rings.hpp"
#include "recorder_setup.hpp"
#include "service/journal.hpp"

namespace framelog {
namespace {

int refuse(const std::vector<std::string>& errors) {
  for (const std::string& line : errors) {
    report({.kind = EventKind::kRefused, .level = LogLevel::kError, .text = line});
  }
  return kExitUsage;
}

/// Before there is a thread, so that none of them is interrupted.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

/// Segments that wait for a slow disk hold descriptors, up to a hundred for each product.
void allow_many_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));  // Else with as many as there are.
}

/// Says what the configuration means; opens the source, and records nothing.
int check(Instrument& instrument) {
  const auto info = instrument.source->open();
  if (!info) {
    const RecorderSetup setup = make_setup(std::move(instrument));
    return refuse({setup.explain(info.error(), true)});
  }
  std::vector<std::string> errors;
  const RecordingPlan plan = plan_recording(instrument.configuration, *info, errors);
  if (!errors.empty()) return refuse(errors);
  std::cout << explain(plan);
  return kExitDone;
}

int run(int argc, char** argv) {
  // Threads allocate at rolls only: one arena is enough, and saves megabytes on a small board.
  ::mallopt(M_ARENA_MAX, 1);
  // Frames that finishing looks at go back at once; by itself the threshold would grow with them.
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
  const auto arguments = read_arguments(argc, argv);
  if (!arguments) return arguments.error();
  block_signals();
  allow_many_files();
  Instrument instrument = load_instrument(arguments->config, arguments->overrides, system_clock());
  if (is_stderr_the_journal()) log_to_journal(instrument.configuration.instrument);
  if (!instrument.configuration.errors.empty()) {
    const int status = refuse(instrument.configuration.errors);
    if (arguments->check || instrument.configuration.instrument.empty()) return status;
    // Who is told not to try again loses what is in the rings.
    const auto keeper = make_keeper(instrument.configuration.instrument, arguments->config);
    return end_left_runs(*keeper) ? status : kExitFoundWrong;
  }
  if (arguments->check) return check(instrument);
  if (is_stderr_the_journal()) log_to_journal(instrument.configuration.instrument);
  return run_daemon(*arguments, std::move(instrument));
}

}  // namespace
}  // namespace framelog

int main(int argc, char** argv) {
  try {
    return framelog::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "framelogd: " << error.what() << '\n';
    return framelog::kExitFoundWrong;
  }
}
