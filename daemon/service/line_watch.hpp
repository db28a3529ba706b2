#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/wakeup.hpp"
#include "service/debouncer.hpp"
#include "service/gpio_lines.hpp"

/// Private to the gpio*.cpp and line*.cpp files of this folder.
namespace framelog {

/// Of one role. They stay when its line is asked for again. Order nothing.
struct LineCounters {
  std::atomic<std::uint64_t> rising{0}, falling{0}, bounces{0}, lost{0}, overflows{0}, pulses{0},
      missed{0}, forgotten{0};
};
using AllLineCounters = std::array<LineCounters, kLineRoles>;

/// What a watch is given; all borrowed.
struct WatchParts {
  const LineSettings& settings;
  LineSignals& signals;
  AllLineCounters& counters;
  const LineTargets& targets;
  const std::atomic<ErrorLamp>& lamp;
  const Clock& clock;
  /// Signals that nobody had room for yet, the oldest first: those of the watch before come before
  /// its own, and what is left at its end is the next one's. Threads: lines while it lives.
  std::deque<RecordSignal>& unsent;
};

/// Tells what waits, the oldest first, as far as there is room; of what nobody asks for, the oldest
/// are forgotten and counted. Threads: lines, or control while there is no watch.
void send_signals(std::deque<RecordSignal>& unsent, const LineTargets& targets,
                  AllLineCounters& counters);

/// Lines that were requested, with the threads that serve them.
class LineWatch {
 public:
  LineWatch(std::unique_ptr<LineBank> bank, ChosenLines chosen, const WatchParts& parts);
  /// Ends the threads; outputs become inactive.
  ~LineWatch();
  LineWatch(const LineWatch&) = delete;
  LineWatch& operator=(const LineWatch&) = delete;

  /// Why the lines can no longer be read; empty: they can.
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] const ChosenLines& chosen() const noexcept { return chosen_; }

 private:
  void run(const std::stop_token& stop);
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<void> turn();
  [[nodiscard]] Deadline next_turn() const;
  [[nodiscard]] Result<void> look_around(std::int64_t now_ns);
  void take(const LineEvent& event);
  void check_numbers(const LineEvent& event);
  [[nodiscard]] Result<void> make_up(std::int64_t now_ns);
  void pass(const LineEvent& event);
  void settle(std::int64_t now_ns);
  void flush(std::int64_t now_ns);
  void close_gate();
  [[nodiscard]] Result<void> follow(std::int64_t now_ns);
  [[nodiscard]] Result<void> put(LineRole role, bool active);
  void run_strobe(const std::stop_token& stop, std::uint64_t seen);
  void pulse(std::size_t line, std::chrono::nanoseconds length, const std::stop_token& stop);
  void fail_with(const Error& error);
  void show(LineRole role, bool active) noexcept;
  [[nodiscard]] std::optional<std::size_t> index_of(LineRole role) const noexcept;
  [[nodiscard]] LineCounters& counters_of(std::size_t line) noexcept;

  std::unique_ptr<LineBank> bank_;
  ChosenLines chosen_;
  TriggerEdges trigger_edges_;
  LineSignals& signals_;
  AllLineCounters& counters_;
  const LineTargets& targets_;
  const std::atomic<ErrorLamp>& lamp_;
  const Clock& clock_;

  // Threads: lines.
  std::vector<Debouncer> debouncers_;
  /// What the kernel told of a line last.
  struct Told {
    std::uint32_t number{};
    bool active{};
    bool uncertain{};  ///< Others behind it may be lost.
    bool made_up{};    ///< It was not told, but found.
  };
  std::vector<Told> told_;  ///< Of each line.
  std::vector<LineEvent> events_;
  LineEdges edges_;  ///< That are not told yet.
  std::deque<RecordSignal>& unsent_;
  std::int64_t flushed_ns_{};
  std::int64_t looked_ns_{};  ///< When the chip was seen last.
  std::uint64_t outputs_{};   ///< Their levels as they were set.
  bool has_outputs_{};

  mutable std::mutex mutex_;
  std::string failure_;
  Wakeup stopping_;
  std::jthread strobe_;
  std::jthread thread_;
};

}  // namespace framelog
