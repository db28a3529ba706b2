#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/line_signals.hpp"
#include "pipeline/line_settings.hpp"
#include "pipeline/recorder.hpp"
#include "service/gpio_chips.hpp"

namespace framelog {

/// What the error line shows.
enum class ErrorLamp : std::uint8_t {
  kOff,
  kDegraded,    ///< Once a second: some frames are lost.
  kSourceLost,  ///< Four times a second.
  kSteady,      ///< Nothing can be recorded: no disk, a full one, one that does not write.
};

/// What the lines tell, and are told by. All are called on the thread `lines`, and take no time.
struct LineTargets {
  /// False: too many signals wait; it is told again.
  std::function<bool(RecordSignal)> signal;
  std::function<void(const LineEdges&)> note;
  std::function<Recorder::Indications()> indications;
};

/// The hardware; replaced in tests.
struct LineAccess {
  std::function<std::vector<ChipFacts>()> chips = list_chips;
  std::function<Result<std::unique_ptr<LineBank>>(const ChosenLines&, const std::string&)> request =
      request_lines;
};

/// Counts of one line since the program began, and its level.
struct LineStatus {
  LineRole role{};
  std::string line;  ///< As configured.
  std::uint32_t offset{};
  bool active{};
  std::uint64_t rising{};
  std::uint64_t falling{};
  std::uint64_t bounces{};    ///< Edges that debouncing has taken away.
  std::uint64_t lost{};       ///< Edges that the kernel had no room for, as its numbers tell.
  std::uint64_t overflows{};  ///< Times that it may have had none, where it gives no numbers.
  std::uint64_t pulses{};     ///< Of the strobe.
  std::uint64_t missed{};     ///< Frames without a pulse of their own.
  std::uint64_t forgotten{};  ///< Signals that the recorder had no room for, for too long.
};

struct LinesStatus {
  std::string chip;     ///< Empty: no lines are configured.
  std::string trouble;  ///< Why the lines are not there; empty: they are.
  std::vector<LineStatus> lines;
};

/// The GPIO lines of an instrument: edges become signals and entries of the files, outputs follow
/// the recorder. Two threads of its own, because a kernel without room for more than 16 events has
/// to be read within milliseconds, and the pulses of the strobe take their time: `lines`, and
/// `strobe` where there is one. Threads: control, for every call.
class GpioLines {
 public:
  /// `signals` and what the targets stand for are borrowed, and outlive it.
  GpioLines(std::string consumer, LineSignals& signals, LineTargets targets, const Clock& clock,
            LineAccess access = {});
  /// Outputs become inactive, and the lines free.
  ~GpioLines();
  GpioLines(const GpioLines&) = delete;
  GpioLines& operator=(const GpioLines&) = delete;

  /// The lines of a configuration, in place of those before; nothing happens where they are the
  /// same. The error is at a key of the configuration; there are no lines then, and tick() tells it
  /// and tries again.
  [[nodiscard]] std::expected<void, LineComplaint> adopt(const LineSettings& settings);
  /// About once a second: what the error line shows; lines that went away are asked for again.
  void tick(ErrorLamp lamp);
  [[nodiscard]] LinesStatus status() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether a configuration's lines could be had, as far as can be told without taking them.
[[nodiscard]] std::expected<void, Complaint> check_lines(const LineSettings& settings,
                                                         const std::string& consumer);

}  // namespace framelog
