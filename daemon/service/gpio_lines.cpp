#include "service/gpio_lines.hpp"

#include <utility>

#include "core/log.hpp"
#include "service/line_watch.hpp"

namespace framelog {

struct GpioLines::State {
  [[nodiscard]] std::expected<void, LineComplaint> open() {
    watch.reset();
    trouble.clear();
    if (settings.lines.empty()) return {};
    auto chosen = choose_lines(settings, access.chips(), consumer);
    if (!chosen) {
      trouble = chosen.error().key + ": " + chosen.error().message;
      return std::unexpected(chosen.error());
    }
    auto bank = access.request(*chosen, consumer);
    if (!bank) {
      trouble = describe(bank.error());
      const ErrorCode code = bank.error().code;
      const bool gone = code == ErrorCode::kNotFound || code == ErrorCode::kDisconnected;
      return std::unexpected(LineComplaint{{"gpio", "", trouble}, gone});
    }
    watch = std::make_unique<LineWatch>(
        std::move(*bank), std::move(*chosen),
        WatchParts{settings, signals, counters, targets, lamp, clock, unsent});
    return {};
  }

  /// Once for each time that the lines go or come.
  void tell_trouble() {
    if (!trouble.empty() && trouble != told) {
      log(LogLevel::kError, "GPIO lines: " + trouble + "; trying again");
    } else if (trouble.empty() && !told.empty()) {
      log(LogLevel::kInfo, "GPIO lines: there");
    }
    told = trouble;
  }

  std::string consumer;
  LineSignals& signals;
  LineTargets targets;
  const Clock& clock;
  LineAccess access;
  LineSettings settings;
  std::string trouble;
  std::string told;  ///< The trouble that was told last.
  AllLineCounters counters;
  std::deque<RecordSignal> unsent;
  std::atomic<ErrorLamp> lamp{ErrorLamp::kOff};
  std::unique_ptr<LineWatch> watch;
};

GpioLines::GpioLines(std::string consumer, LineSignals& signals, LineTargets targets,
                     const Clock& clock, LineAccess access)
    : state_(new State{std::move(consumer),
                       signals,
                       std::move(targets),
                       clock,
                       std::move(access),
                       {},
                       {},
                       {},
                       {},
                       {},
                       {},
                       {}}) {}

GpioLines::~GpioLines() = default;

std::expected<void, LineComplaint> GpioLines::adopt(const LineSettings& settings) {
  State& state = *state_;
  if (settings == state.settings && (state.watch || settings.lines.empty())) return {};
  state.watch.reset();  // It uses the settings.
  state.settings = settings;
  return state.open();
}

void GpioLines::tick(ErrorLamp lamp) {
  State& state = *state_;
  state.lamp.store(lamp, std::memory_order_relaxed);
  if (!state.watch) send_signals(state.unsent, state.targets, state.counters);
  if (state.settings.lines.empty()) {
    state.told.clear();
    return;
  }
  if (!state.watch) {
    static_cast<void>(state.open());
  } else if (state.trouble = state.watch->failure(); !state.trouble.empty()) {
    state.watch.reset();
  }
  state.tell_trouble();
}

LinesStatus GpioLines::status() const {
  const State& state = *state_;
  LinesStatus status;
  if (state.settings.lines.empty()) return status;
  status.chip = state.watch ? state.watch->chosen().chip : state.settings.chip;
  status.trouble = state.trouble;
  const std::uint64_t levels = state.signals.levels.load(std::memory_order_relaxed);
  for (const LineSpec& spec : state.settings.lines) {
    const LineCounters& counters = state.counters[static_cast<std::size_t>(spec.role)];
    LineStatus line{.role = spec.role, .line = spec.line};
    if (state.watch) {
      for (const auto& chosen : state.watch->chosen().lines) {
        if (chosen.spec.role == spec.role) line.offset = chosen.offset;
      }
    }
    line.active = (levels & bit_of(spec.role)) != 0;
    line.rising = counters.rising.load(std::memory_order_relaxed);
    line.falling = counters.falling.load(std::memory_order_relaxed);
    line.bounces = counters.bounces.load(std::memory_order_relaxed);
    line.lost = counters.lost.load(std::memory_order_relaxed);
    line.overflows = counters.overflows.load(std::memory_order_relaxed);
    line.pulses = counters.pulses.load(std::memory_order_relaxed);
    line.missed = counters.missed.load(std::memory_order_relaxed);
    line.forgotten = counters.forgotten.load(std::memory_order_relaxed);
    status.lines.push_back(std::move(line));
  }
  return status;
}

std::expected<void, Complaint> check_lines(const LineSettings& settings,
                                           const std::string& consumer) {
  if (settings.lines.empty()) return {};
  const auto chosen = choose_lines(settings, list_chips(), consumer);
  if (!chosen) return std::unexpected<Complaint>(chosen.error());
  return {};
}

}  // namespace framelog
