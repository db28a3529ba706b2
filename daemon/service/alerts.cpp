#include "service/alerts.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/log.hpp"
#include "service/child.hpp"
#include "service/command_words.hpp"

namespace framelog {
namespace {

constexpr std::size_t kMostWaiting = 64;
constexpr std::size_t kMostOutputBytes = 2048;

constexpr std::array kKinds{EventKind::kDegraded,       EventKind::kHealthy, EventKind::kDiskFull,
                            EventKind::kSourceLost,     EventKind::kDrops,   EventKind::kWatchdog,
                            EventKind::kSegmentFinished};

std::size_t index(EventKind kind) { return static_cast<std::size_t>(kind); }

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "error";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kDebug:
      return "debug";
  }
  std::unreachable();
}

/// One line of what a program wrote.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

}  // namespace

std::optional<EventKind> alert_kind(std::string_view name) noexcept {
  for (const EventKind kind : kKinds) {
    if (framelog::name_of(kind) == name) return kind;
  }
  return std::nullopt;
}

AlertSettings alert_settings(const Settings& settings) {
  AlertSettings alerts;
  if (const auto* command = settings.get<std::string>("alert", "command")) {
    if (auto words = split_words(*command)) alerts.command = std::move(*words);
  }
  if (const auto* events = settings.get<std::vector<std::string>>("alert", "events")) {
    for (const std::string& name : *events) {
      if (const auto kind = alert_kind(name)) alerts.kinds[index(*kind)] = true;
    }
  }
  if (const auto* interval = settings.get<std::chrono::nanoseconds>("alert", "min_interval")) {
    alerts.min_interval = *interval;
  }
  return alerts;
}

std::string alert_json(const Event& event, const std::string& instrument,
                       std::uint64_t suppressed) {
  nlohmann::ordered_json json;
  json["kind"] = framelog::name_of(event.kind);
  json["level"] = name_of(event.level);
  json["text"] = event.text;
  json["time"] = iso_time(event.utc_ns);
  json["instrument"] = instrument;
  json["suppressed"] = suppressed;
  json["fields"] = nlohmann::ordered_json::object();
  for (const auto& [key, value] : event.fields) json["fields"][key] = value;
  // A path may hold bytes that are not UTF-8.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Alerts::Alerts(AlertSettings settings, std::string instrument, const Clock& clock)
    : settings_(std::move(settings)), instrument_(std::move(instrument)), clock_(clock) {
  if (settings_.command.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Alerts::~Alerts() = default;

void Alerts::take(const Event& event) {
  if (settings_.command.empty() || !settings_.kinds[index(event.kind)]) return;
  {
    const std::scoped_lock lock(mutex_);
    Kind& kind = kinds_[index(event.kind)];
    const std::int64_t now_ns = clock_.monotonic_ns();
    const bool soon = kind.last_ns && now_ns - *kind.last_ns < settings_.min_interval.count();
    if (soon || queue_.size() >= kMostWaiting) {
      ++kind.suppressed;
      return;
    }
    kind.last_ns = now_ns;
    queue_.push_back(alert_json(event, instrument_, std::exchange(kind.suppressed, 0)));
  }
  changed_.notify_all();
}

bool Alerts::finish(std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return queue_.empty() && !busy_; });
}

void Alerts::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "alerts");
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !queue_.empty(); })) {
    if (stop.stop_requested()) return;
    const std::string json = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    run_one(json, stop);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

void Alerts::run_one(const std::string& json, const std::stop_token& stop) {
  const auto end = run_child(settings_.command, json, settings_.longest, kMostOutputBytes, stop);
  if (!end) {
    log(LogLevel::kError, "alert: " + describe(end.error()));
    return;
  }
  const std::string said = end->output.empty() ? "" : ": " + one_line(end->output);
  const std::string& program = settings_.command.front();
  if (end->late) {
    log(LogLevel::kError,
        fmt::format("alert: {} was killed, because it took longer than {} s{}", program,
                    std::chrono::duration_cast<std::chrono::seconds>(settings_.longest).count(),
                    said));
  } else if (end->exit_status < 0) {
    log(LogLevel::kError, fmt::format("alert: signal {} ended {}{}", end->signal, program, said));
  } else if (end->exit_status != 0) {
    log(LogLevel::kError,
        fmt::format("alert: {} ended with status {}{}", program, end->exit_status, said));
  } else if (!said.empty()) {
    log(LogLevel::kInfo, "alert: " + program + said);
  }
}

}  // namespace framelog
