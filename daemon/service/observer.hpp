#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/file_system.hpp"
#include "core/settings.hpp"
#include "pipeline/recorder.hpp"
#include "service/alerts.hpp"
#include "service/degraded.hpp"
#include "service/gpio_lines.hpp"

namespace framelog {

/// What a configuration says about being watched.
struct ObserverSettings {
  AlertSettings alerts;
  std::filesystem::path metrics_file;  ///< Empty: none.
};
[[nodiscard]] ObserverSettings observer_settings(const Settings& settings);

/// All that tells the world how a recorder is doing, driven by one tick a second: systemd's status
/// and watchdog, what degrades it, metrics, alerts. Threads: control, unless said otherwise.
class Observer {
 public:
  Observer(std::string instrument, ObserverSettings settings, FileSystem& files,
           const Clock& clock);
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  ~Observer();

  /// After a reload.
  void adopt(ObserverSettings settings);

  /// The source delivers, or is known to be absent and retried.
  void ready();
  void reloading();  ///< Ended by ready().
  void stopping();

  /// About once a second, until the end. `health` is null while no session runs; `line` is how the
  /// recorder is doing, for people. Reports events.
  void tick(const RecorderStatus& status, const Health* health, std::string_view line);
  /// What the GPIO lines do; borrowed by tick() and finish().
  void set_lines(std::function<LinesStatus()> lines);
  /// The last words of a session, so that its counters are in the metrics in full. Threads: any.
  void session_ended(const RecorderStatus& status, const Health& health);
  /// An alert where it is worth one. For the event listener. Threads: any.
  void take(const Event& event);
  /// The last look: waits until alerts on their way have gone, for a moment at most.
  void finish(const RecorderStatus& status);

  /// Prometheus' text, as of the last tick.
  [[nodiscard]] std::string metrics() const;
  [[nodiscard]] std::vector<DegradedReason> degraded_reasons() const;
  [[nodiscard]] bool is_degraded() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace framelog
