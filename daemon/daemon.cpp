#include "daemon.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <utility>

// Boost 1.74 uses std::exchange without including it.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "command/configuration_json.hpp"
#include "command/status_line.hpp"
#include "core/event.hpp"
#include "core/log.hpp"
#include "kept_rings.hpp"
#include "recorder_setup.hpp"
#include "service/control_server.hpp"
#include "service/control_socket.hpp"
#include "service/gpio_lines.hpp"
#include "service/observer.hpp"

namespace framelog {
namespace {

namespace asio = boost::asio;

constexpr auto kTick = std::chrono::seconds(1);

/// Without one there is no terminal that could be closed.
bool has_terminal() {
  return UniqueFd(::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)).valid();
}

/// A thread takes its mask along: signals are for the thread that runs the loop.
void let_signals_come() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

/// The main thread: signals, the tick of a second, and what the recorder says. All that other
/// threads want of it is posted to the loop.
class Daemon {
 public:
  Daemon(const Arguments& arguments, Instrument instrument)
      : configuration_(std::make_shared<const Configuration>(instrument.configuration)),
        keeper_(make_keeper(configuration_->instrument, arguments.config)),
        base_(base_of(configuration_->settings, configuration_->instrument)),
        observer_(configuration_->instrument, observer_settings(configuration_->settings),
                  system_files(), system_clock()),
        recorder_(make_setup(std::move(instrument)), make_loader(arguments, adopted()),
                  {arguments.frames, arguments.duration}, *keeper_, system_files(), system_clock()),
        lines_(consumer_of(configuration_->instrument), line_signals_, line_targets(),
               system_clock()),
        line_(base_) {
    recorder_.set_lines(line_signals_);
    recorder_.on_session_end([this](const RecorderStatus& status, const Health& health) {
      observer_.session_ended(status, health);
    });
  }
  ~Daemon() { set_event_listener({}); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  int run() {
    if (!open_lines() || !open_control()) {
      return end_left_runs(*keeper_) ? kExitUsage : kExitFoundWrong;
    }
    set_event_listener([this](const Event& event) {
      observer_.take(event);
      if (control_) control_->publish(event);
    });
    wait_for_ending();
    wait_for_hangup();
    wait_for_trigger();
    recorder_.begin([this] { asio::post(loop_, [this] { ready(); }); },
                    [this](int status) { asio::post(loop_, [this, status] { ended(status); }); });
    let_signals_come();
    wait_for_tick();
    loop_.run();
    observer_.finish(recorder_.status());
    return exit_status_;
  }

 private:
  using Failure = boost::system::error_code;

  /// What a reload has put in force is used by the loop's thread.
  Adopted adopted() {
    return [this](const std::shared_ptr<const Configuration>& configuration) {
      asio::post(loop_, [this, configuration] {
        configuration_ = configuration;
        observer_.adopt(observer_settings(configuration->settings));
        if (!adopt_lines())
          lines_.tick(lamp());  // Somebody was faster: it is told and tried again.
      });
    };
  }

  LineTargets line_targets() {
    return {[this](RecordSignal signal) { return recorder_.signal(signal); },
            [this](const LineEdges& edges) { recorder_.note(edges); },
            [this] { return recorder_.indications(); }};
  }

  [[nodiscard]] std::expected<void, LineComplaint> adopt_lines() {
    std::vector<Complaint> told_before;
    return lines_.adopt(line_settings(configuration_->settings, told_before));
  }

  /// False, and reported, where the lines that are wanted cannot be had. A chip that is not there
  /// is waited for, as an instrument is.
  bool open_lines() {
    observer_.set_lines([this] { return lines_.status(); });
    const auto opened = adopt_lines();
    if (opened) return true;
    if (opened.error().may_come) {
      lines_.tick(ErrorLamp::kOff);  // It is told.
      return true;
    }
    report({.kind = EventKind::kRefused,
            .level = LogLevel::kError,
            .text = configuration_->settings.place(opened.error())});
    return false;
  }

  /// What the error line shows.
  [[nodiscard]] ErrorLamp lamp() const {
    using enum DegradedReason;
    ErrorLamp lamp = ErrorLamp::kOff;
    for (const DegradedReason reason : observer_.degraded_reasons()) {
      const bool nothing = reason == kDiskFull || reason == kNoDisk || reason == kWriteError;
      const ErrorLamp shown = nothing                  ? ErrorLamp::kSteady
                              : reason == kSourceLost  ? ErrorLamp::kSourceLost
                              : is_information(reason) ? ErrorLamp::kOff
                                                       : ErrorLamp::kDegraded;
      lamp = std::max(lamp, shown);
    }
    return lamp;
  }

  /// False, and reported, where the socket that is wanted cannot be had.
  bool open_control() {
    const Settings& settings = configuration_->settings;
    const auto path = control_path(settings, configuration_->instrument);
    if (path.empty()) {
      log(LogLevel::kDebug, "no control socket: framelog cannot reach this instrument");
      return true;
    }
    const auto* group = settings.get<std::string>("control", "group");
    auto server = ControlServer::open(loop_, {path, group == nullptr ? "" : *group}, controls());
    if (server) {
      control_ = std::move(*server);
      return true;
    }
    report({.kind = EventKind::kRefused,
            .level = LogLevel::kError,
            .text = settings.place(
                {"control", "socket", describe(server.error()) + " (another path, or off)"})});
    return false;
  }

  Controls controls() {
    Controls controls = controls_of(recorder_);
    controls.configuration = [this] { return configuration_json(*configuration_); };
    controls.lines = [this] { return lines_.status(); };
    controls.metrics = [this] { return observer_.metrics(); };
    controls.degraded = [this] {
      std::vector<std::string> names;
      for (const DegradedReason reason : observer_.degraded_reasons()) {
        if (!is_information(reason)) names.emplace_back(name_of(reason));
      }
      return names;
    };
    return controls;
  }

  /// The source delivers, or is known to be absent.
  void ready() { observer_.ready(); }

  void ended(int status) {
    exit_status_ = status;
    observer_.finish(recorder_.status());
    clear_line();
    loop_.stop();
  }

  void tick() {
    recorder_.look_around();
    const RecorderStatus status = recorder_.status();
    const std::string line = status.session ? line_.text(*status.session, name_of(status.state),
                                                         system_clock().monotonic_ns())
                                            : std::string(name_of(status.state));
    recorder_.with_health([&](const Health* health) { observer_.tick(status, health, line); });
    lines_.tick(lamp());
    if (terminal_) show(line);
  }

  void end() {
    // A second signal ends the process at once, for a source or a disk that hangs; the next start
    // recovers the segments.
    ending_.clear();
    recorder_.request_end();
    observer_.stopping();
    if (terminal_) log(LogLevel::kInfo, "writing what is in the ring");
  }

  void wait_for_ending() {
    ending_.async_wait([this](const Failure& failure, int) {
      if (!failure) end();
    });
  }

  /// A closed terminal ends the program, as Ctrl-C does; a service reads its configuration again.
  void wait_for_hangup() {
    hangup_.async_wait([this, closes = has_terminal()](const Failure& failure, int) {
      if (failure) return;
      if (closes) return end();
      observer_.reloading();
      recorder_.reload([this](const Result<std::string>&) {  // Reported as an event.
        asio::post(loop_, [this] { observer_.ready(); });
      });
      wait_for_hangup();
    });
  }

  void wait_for_trigger() {
    trigger_.async_wait([this](const Failure& failure, int) {
      if (failure) return;
      recorder_.trigger([](const Result<std::string>& answer) {
        if (!answer) log(LogLevel::kWarning, "SIGUSR1: " + describe(answer.error()));
      });
      wait_for_trigger();
    });
  }

  void wait_for_tick() {
    timer_.expires_after(kTick);
    timer_.async_wait([this](const Failure& failure) {
      if (failure) return;
      tick();
      wait_for_tick();
    });
  }

  static void show(const std::string& line) {
    std::cerr << "\r\x1b[K" << line << std::flush;
    set_status_line_shown(true);
  }

  void clear_line() {
    set_status_line_shown(false);
    if (terminal_) std::cerr << "\r\x1b[K";
  }

  asio::io_context loop_{1};
  asio::signal_set ending_{loop_, SIGINT, SIGTERM};
  asio::signal_set hangup_{loop_, SIGHUP};
  asio::signal_set trigger_{loop_, SIGUSR1};
  asio::steady_timer timer_{loop_};
  std::shared_ptr<const Configuration> configuration_;  // In force; for the loop's thread.
  std::unique_ptr<RingKeeper> keeper_;
  std::filesystem::path base_;
  Observer observer_;
  LineSignals line_signals_;
  Recorder recorder_;  // Ends before what it uses and calls.
  GpioLines lines_;    // It calls the recorder.
  std::unique_ptr<ControlServer> control_;
  StatusLine line_;
  bool terminal_{::isatty(STDERR_FILENO) == 1};
  int exit_status_{kExitDone};
};

}  // namespace

int run_daemon(const Arguments& arguments, Instrument instrument) {
  return Daemon(arguments, std::move(instrument)).run();
}

}  // namespace framelog
