#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/event.hpp"
#include "core/settings.hpp"

namespace framelog {

struct AlertSettings {
  std::vector<std::string> command;  ///< Path and arguments; empty: no alerts.
  std::array<bool, kEventKinds> kinds{};
  std::chrono::nanoseconds min_interval{std::chrono::minutes(1)};  ///< Of one kind.
  std::chrono::nanoseconds longest{std::chrono::seconds(30)};  ///< Behind it the program is killed.
  friend bool operator==(const AlertSettings&, const AlertSettings&) = default;
};

/// Of [alert]; checked by check_service().
[[nodiscard]] AlertSettings alert_settings(const Settings& settings);
/// The kind that `name` names; none where alerts know no such.
[[nodiscard]] std::optional<EventKind> alert_kind(std::string_view name) noexcept;

/// What the program reads from standard input: one line of JSON with kind, level, text, time,
/// instrument, suppressed and fields. `suppressed` is how many of its kind were held back since the
/// last.
[[nodiscard]] std::string alert_json(const Event& event, const std::string& instrument,
                                     std::uint64_t suppressed);

/// Runs a program for each event that is worth an alert: one at a time, on a thread of its own.
/// What comes too soon after another of its kind, or while too many wait, is held back and counted.
class Alerts {
 public:
  /// `clock` is borrowed.
  Alerts(AlertSettings settings, std::string instrument, const Clock& clock);
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;
  /// Kills the program that runs.
  ~Alerts();

  /// For an event listener. Threads: any; returns at once.
  void take(const Event& event);
  /// Waits until all that was taken is done; false when `patience` has passed before. Threads: any.
  bool finish(std::chrono::nanoseconds patience);

 private:
  struct Kind {
    std::optional<std::int64_t> last_ns;
    std::uint64_t suppressed{};
  };

  void run(const std::stop_token& stop);
  void run_one(const std::string& json, const std::stop_token& stop);

  AlertSettings settings_;
  std::string instrument_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::array<Kind, kEventKinds> kinds_{};
  std::deque<std::string> queue_;
  bool busy_{};
  std::jthread thread_;
};

}  // namespace framelog
