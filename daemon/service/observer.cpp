#include "service/observer.hpp"

#include <mutex>
#include <utility>

#include "service/board.hpp"
#include "service/drain_progress.hpp"
#include "service/metrics.hpp"
#include "service/metrics_file.hpp"
#include "service/metrics_totals.hpp"
#include "service/notifier.hpp"
#include "service/watchdog.hpp"

namespace framelog {
namespace {

constexpr std::int64_t kStatusNs = 3'000'000'000;
constexpr std::int64_t kSlowNs = 10'000'000'000;  ///< Of what changes slowly.
constexpr std::chrono::nanoseconds kPatienceForAlerts = std::chrono::seconds(3);

/// True at most once in `interval_ns`.
bool is_due(std::optional<std::int64_t>& last_ns, std::int64_t now_ns, std::int64_t interval_ns) {
  if (last_ns && now_ns - *last_ns < interval_ns) return false;
  last_ns = now_ns;
  return true;
}

}  // namespace

ObserverSettings observer_settings(const Settings& settings) {
  ObserverSettings observer{.alerts = alert_settings(settings), .metrics_file = {}};
  if (const auto* path = settings.get<std::string>("control", "metrics_file")) {
    observer.metrics_file = *path;
  }
  return observer;
}

struct Observer::State {
  State(std::string instrument_name, FileSystem& file_system, const Clock& a_clock)
      : instrument(std::move(instrument_name)),
        files(file_system),
        clock(a_clock),
        watchdog(notifier.watchdog_interval()) {
    status.instrument = instrument;
  }

  void adopt(ObserverSettings settings) {
    // What is held back stays counted where nothing has changed.
    if (!alerts || settings.alerts != alert_settings) {
      alert_settings = settings.alerts;
      auto made = std::make_unique<Alerts>(std::move(settings.alerts), instrument, clock);
      const std::scoped_lock lock(alerts_mutex);
      std::swap(alerts, made);
    }
    if (settings.metrics_file == metrics_path) return;
    metrics_path = settings.metrics_file;
    metrics_file.reset();
    if (!metrics_path.empty()) metrics_file = std::make_unique<MetricsFile>(files, metrics_path);
    file_written_ns.reset();
  }

  void look_at_slow_things(std::int64_t now_ns) {
    if (!is_due(slow_ns, now_ns, kSlowNs)) return;
    board = read_board(files);
    free_bytes.reset();
    if (status.base.empty()) return;
    // Where the base will be, as long as it is not there.
    std::filesystem::path place = std::filesystem::absolute(status.base);
    while (!files.exists(place) && place.has_relative_path()) place = place.parent_path();
    if (const auto space = files.space(place)) free_bytes = space->free_bytes;
  }

  void tell_systemd(const Health* health, std::string_view line, std::int64_t now_ns) {
    if (watchdog.tick(health, now_ns)) notifier.watchdog();
    if (is_due(status_ns, now_ns, kStatusNs)) notifier.status(line);
    if (is_stopping && progress.moved(status)) notifier.extend_timeout(DrainProgress::kMore);
  }

  [[nodiscard]] std::string metrics() const {
    const std::scoped_lock lock(totals_mutex);
    if (told_metrics.empty()) {
      const SessionTotals all = totals.totals();
      const auto reasons = degraded.reasons();
      const LinesStatus gpio = lines ? lines() : LinesStatus{};
      told_metrics =
          metrics_text({status, all, free_bytes, board, reasons, gpio.lines, gpio.trouble.empty()});
    }
    return told_metrics;
  }

  std::string instrument;
  FileSystem& files;
  const Clock& clock;
  Notifier notifier;
  Watchdog watchdog;
  Degraded degraded;
  mutable std::mutex totals_mutex;  // Sessions end on the recorder's thread.
  MetricsTotals totals;
  mutable std::string told_metrics;  ///< With the totals; empty when something has changed.
  DrainProgress progress;
  RecorderStatus status;
  BoardState board;
  std::optional<std::int64_t> free_bytes;
  std::filesystem::path metrics_path;
  std::unique_ptr<MetricsFile> metrics_file;
  std::mutex alerts_mutex;  // Events come on any thread, reloads on control's.
  std::unique_ptr<Alerts> alerts;
  AlertSettings alert_settings;
  std::optional<std::int64_t> slow_ns, status_ns, file_written_ns;
  bool is_stopping{};
  std::function<LinesStatus()> lines;
};

Observer::Observer(std::string instrument, ObserverSettings settings, FileSystem& files,
                   const Clock& clock)
    : state_(std::make_unique<State>(std::move(instrument), files, clock)) {
  state_->adopt(std::move(settings));
}

Observer::~Observer() = default;

void Observer::adopt(ObserverSettings settings) { state_->adopt(std::move(settings)); }

void Observer::set_lines(std::function<LinesStatus()> lines) { state_->lines = std::move(lines); }

void Observer::ready() { state_->notifier.ready(); }

void Observer::reloading() { state_->notifier.reloading(); }

void Observer::stopping() {
  if (std::exchange(state_->is_stopping, true)) return;
  state_->notifier.stopping();
  state_->notifier.extend_timeout(DrainProgress::kMore);
}

void Observer::tick(const RecorderStatus& status, const Health* health, std::string_view line) {
  State& state = *state_;
  const std::int64_t now_ns = state.clock.monotonic_ns();
  state.status = status;
  state.look_at_slow_things(now_ns);
  const bool lines_lost = state.lines && !state.lines().trouble.empty();
  state.degraded.tick(status, lines_lost, now_ns);
  {
    const std::scoped_lock lock(state.totals_mutex);
    if (status.session) state.totals.look(status.session_number, *status.session, health);
    state.told_metrics.clear();
  }
  state.tell_systemd(health, line, now_ns);
  if (state.metrics_file && is_due(state.file_written_ns, now_ns, kSlowNs)) {
    state.metrics_file->write(state.metrics());
  }
}

void Observer::session_ended(const RecorderStatus& status, const Health& health) {
  if (!status.session) return;
  const std::scoped_lock lock(state_->totals_mutex);
  state_->totals.ended(status.session_number, *status.session, &health);
  state_->told_metrics.clear();
}

void Observer::take(const Event& event) {
  const std::scoped_lock lock(state_->alerts_mutex);
  state_->alerts->take(event);
}

void Observer::finish(const RecorderStatus& status) {
  state_->status = status;
  // A short recording ends before the first tick.
  state_->slow_ns.reset();
  state_->look_at_slow_things(state_->clock.monotonic_ns());
  {
    const std::scoped_lock lock(state_->totals_mutex);
    state_->told_metrics.clear();
  }
  static_cast<void>(state_->alerts->finish(kPatienceForAlerts));
  if (state_->metrics_file) state_->metrics_file->write(metrics());
}

std::string Observer::metrics() const { return state_->metrics(); }

std::vector<DegradedReason> Observer::degraded_reasons() const {
  return state_->degraded.reasons();
}

bool Observer::is_degraded() const { return state_->degraded.is_degraded(); }

}  // namespace framelog
