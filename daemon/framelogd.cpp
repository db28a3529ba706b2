#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "command/instrument.hpp"
#include "command/status_line.hpp"
#include "core/log.hpp"
#include "core/version.hpp"
#include "pipeline/session.hpp"
#include "store/recovery.hpp"

namespace framelog {
namespace {

namespace po = boost::program_options;
using std::chrono::nanoseconds;

struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
  std::optional<std::uint64_t> frames;
  std::optional<nanoseconds> duration;
  bool check{};
};

int usage_error(const std::string& text) {
  std::cerr << "framelogd: " << text << " (see framelogd --help)\n";
  return kExitUsage;
}

po::options_description options() {
  po::options_description all("framelogd --config FILE [options]");
  all.add_options()("config", po::value<std::string>()->value_name("FILE"),
                    "configuration; its stem is the instrument's name")(
      "set", po::value<std::vector<std::string>>()->composing()->value_name("SECTION.KEY=VALUE"),
      "overrides one value; may be repeated")(
      "check", "says what the configuration means, or all that is wrong with it")(
      "frames", po::value<std::string>()->value_name("N"), "stops after N frames")(
      "duration", po::value<std::string>()->value_name("T"),
      "stops after a time such as 10 s or 1 h 30 min")("version", "prints the version")(
      "help", "prints this");
  return all;
}

/// Reads --frames and --duration as the configuration would, units and all.
std::expected<void, std::string> read_limits(const po::variables_map& given, Arguments& arguments) {
  if (given.contains("frames")) {
    const OptionSpec spec{.key = "frames", .type = OptionType::kInteger, .least = 1, .most = 1e15};
    const auto value = parse_value(spec, given["frames"].as<std::string>());
    if (!value) return std::unexpected("--frames: " + value.error());
    arguments.frames = static_cast<std::uint64_t>(std::get<std::int64_t>(*value));
  }
  if (given.contains("duration")) {
    const OptionSpec spec{
        .key = "duration", .type = OptionType::kDuration, .least = 1e-3, .most = 1e9};
    const auto value = parse_value(spec, given["duration"].as<std::string>());
    if (!value) return std::unexpected("--duration: " + value.error());
    arguments.duration = std::get<nanoseconds>(*value);
  }
  return {};
}

/// The arguments, or the exit status where there is nothing to record.
std::expected<Arguments, int> read_arguments(int argc, char** argv) {
  Arguments arguments;
  po::variables_map given;
  try {
    po::positional_options_description none;
    po::store(po::command_line_parser(argc, argv).options(options()).positional(none).run(), given);
  } catch (const po::error& error) {
    return std::unexpected(usage_error(error.what()));
  }
  if (given.contains("help")) {
    std::cout << options();
    return std::unexpected(kExitDone);
  }
  if (given.contains("version")) {
    std::cout << fmt::format("framelogd {} ({}, {})\n", program_version(), git_commit(),
                             build_kind());
    return std::unexpected(kExitDone);
  }
  if (!given.contains("config")) return std::unexpected(usage_error("--config FILE is required"));
  arguments.config = given["config"].as<std::string>();
  if (given.contains("set")) arguments.overrides = given["set"].as<std::vector<std::string>>();
  arguments.check = given.contains("check");
  if (auto limits = read_limits(given, arguments); !limits)
    return std::unexpected(usage_error(limits.error()));
  return arguments;
}

int print_errors(const std::vector<std::string>& errors) {
  for (const std::string& line : errors) std::cerr << line << '\n';
  return kExitUsage;
}

void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

/// The line for an error that only touching the disk or the instrument shows, at the key that it
/// comes from.
std::string place_error(const Configuration& configuration, const Error& error) {
  const Settings& settings = configuration.settings;
  if (error.code == ErrorCode::kNoMemory || error.code == ErrorCode::kLayout) {
    return settings.place({"ring", "memory", describe(error) + " (less, or auto)"});
  }
  if (error.code == ErrorCode::kBusy) return settings.place({"files", "base", describe(error)});
  return settings.place(
      {"files", "base",
       describe(error) + " (a directory that can be created and written to, with room)"});
}

std::string place_source_error(const Configuration& configuration, const Error& error) {
  const Settings& settings = configuration.settings;
  const char* key = settings.find("source", "path") != nullptr ? "path" : "driver";
  return settings.place({"source", key, describe(error)});
}

/// Waits for a signal that ends the program, a closed terminal's too; false when `patience` passed
/// without one.
int wait_for_signal(nanoseconds patience) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  const timespec timeout{patience.count() / 1'000'000'000, patience.count() % 1'000'000'000};
  return std::max(0, sigtimedwait(&signals, nullptr, &timeout));
}

void set_level(const Settings& settings) {
  const auto* level = settings.get<std::string>("log", "level");
  if (level == nullptr) return;
  set_log_level(*level == "error"     ? LogLevel::kError
                : *level == "warning" ? LogLevel::kWarning
                : *level == "debug"   ? LogLevel::kDebug
                                      : LogLevel::kInfo);
}

/// Finishes what an earlier process of this instrument left behind.
void recover_bases(const RecordingPlan& plan) {
  std::set<std::filesystem::path> bases;
  for (const ProductPlan& product : plan.products) {
    if (product.store) bases.insert(product.store->base);
  }
  for (const auto& base : bases) {
    std::error_code error;
    if (!std::filesystem::is_directory(base, error)) continue;
    const auto recovered = recover(system_files(), base);
    if (!recovered) continue;  // Opening the base for recording says what is wrong with it.
    for (const RecoveredSegment& segment : *recovered) {
      if (segment.outcome == RecoveryOutcome::kFinished) {
        log(LogLevel::kWarning,
            fmt::format("recovered {} frames: {}", segment.frames, segment.result.string()));
      } else if (segment.outcome == RecoveryOutcome::kQuarantined ||
                 segment.outcome == RecoveryOutcome::kFailed) {
        log(LogLevel::kError,
            fmt::format("cannot recover {}: {}", segment.part.string(), segment.note));
      }
    }
  }
}

/// A second signal ends the process at once; the next start recovers the segments. For a source or
/// disk that hangs.
void let_signals_end_the_program() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

/// Lets one session run to its end; tells why it ended.
class Watch {
 public:
  Watch(Session& session, const std::filesystem::path& base, std::optional<Deadline> end)
      : session_(session), line_(base), end_(end), terminal_(::isatty(STDERR_FILENO) == 1) {}

  CaptureEnd run() {
    bool stopping = false;
    while (!session_.capture_ended()) {
      const int signal = wait_for_signal(kLook);
      if (signal == SIGUSR1) session_.trigger();
      const bool signalled = signal > 0 && signal != SIGUSR1;
      const bool late = end_ && std::chrono::steady_clock::now() >= *end_;
      if ((signalled || late) && !stopping) {
        stopping = true;
        interrupted_ = signalled;
        session_.request_stop();
      }
      if (signalled) let_signals_end_the_program();
      if (++looks_ % kLooksPerSecond == 0) show();
    }
    if (terminal_) log(LogLevel::kInfo, "writing what is in the ring");
    const CaptureEnd end = session_.drain();
    set_status_line_shown(false);
    if (terminal_) std::cerr << "\r\x1b[K";
    return end;
  }
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

 private:
  static constexpr auto kLook = std::chrono::milliseconds(100);
  static constexpr int kLooksPerSecond = 10;

  void show() {
    session_.look_at_clock();
    if (!terminal_) return;
    std::cerr << "\r\x1b[K" << line_.text(session_.status(), system_clock().monotonic_ns())
              << std::flush;
    set_status_line_shown(true);
  }

  Session& session_;
  StatusLine line_;
  std::optional<Deadline> end_;
  bool terminal_;
  bool interrupted_{};
  int looks_{};
};

int record(const Arguments& arguments, Instrument& instrument, SourceInfo info) {
  std::optional<Deadline> end;
  if (arguments.duration) end = std::chrono::steady_clock::now() + *arguments.duration;
  std::optional<std::uint64_t> frames = arguments.frames;
  for (bool first = true;; first = false) {
    std::vector<std::string> errors;
    RecordingPlan plan = plan_recording(instrument.configuration, info, errors);
    if (!errors.empty()) return print_errors(errors);
    plan.capture.most_frames = frames;
    if (first) recover_bases(plan);
    const std::filesystem::path base = plan.base;
    auto session =
        Session::start(*instrument.source, std::move(plan), system_files(), system_clock());
    if (!session) {
      return print_errors({place_error(instrument.configuration, session.error())});
    }
    // A terminal has the status line.
    if (::isatty(STDERR_FILENO) != 1)
      log(LogLevel::kInfo,
          fmt::format("recording {} to {}", instrument.configuration.instrument, base.string()));
    Watch watch(**session, base, end);
    const CaptureEnd why = watch.run();
    const SessionStatus status = (*session)->status();
    for (const auto& product : status.products) log(LogLevel::kInfo, describe_accounting(product));
    if (status.unfinished_segments > 0) {
      log(LogLevel::kError, fmt::format("{} segments could not be finished: framelog recover {}",
                                        status.unfinished_segments, base.string()));
      return kExitFoundWrong;
    }
    if (frames) frames = *frames - std::min(*frames, status.received);
    if (why != CaptureEnd::kGeometry || watch.interrupted() || (frames && *frames == 0)) {
      return why == CaptureEnd::kDisconnected ? kExitFoundWrong : kExitDone;
    }
    info = *(*session)->new_shape();
  }
}

int run(int argc, char** argv) {
  // Threads allocate at rolls only: one arena is enough, and saves megabytes on a small board.
  ::mallopt(M_ARENA_MAX, 1);
  // Frames that finishing looks at go back at once; by itself the threshold would grow with them.
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
  const auto arguments = read_arguments(argc, argv);
  if (!arguments) return arguments.error();
  block_signals();
  Instrument instrument = load_instrument(arguments->config, arguments->overrides, system_clock());
  if (!instrument.configuration.errors.empty())
    return print_errors(instrument.configuration.errors);
  set_level(instrument.configuration.settings);
  auto info = instrument.source->open();
  if (!info) return print_errors({place_source_error(instrument.configuration, info.error())});
  if (arguments->check) {
    std::vector<std::string> errors;
    const RecordingPlan plan = plan_recording(instrument.configuration, *info, errors);
    if (!errors.empty()) return print_errors(errors);
    std::cout << explain(plan);
    return kExitDone;
  }
  return record(*arguments, instrument, std::move(*info));
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
