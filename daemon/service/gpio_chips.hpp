#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/settings.hpp"
#include "pipeline/line_settings.hpp"

namespace framelog {

/// A GPIO chip as the kernel tells it.
struct ChipFacts {
  struct Line {
    std::uint32_t offset{};
    std::string name;      ///< Often empty.
    std::string consumer;  ///< Who uses it, where somebody does and says so.
    bool used{};
  };
  std::string path;  ///< "/dev/gpiochip0"
  std::string name;  ///< "gpiochip0"
  std::string label;
  std::vector<Line> lines;
  int failed_errno{};  ///< Why it cannot be looked at; 0: it can.
};

/// All chips of the machine, by path. Threads: any.
[[nodiscard]] std::vector<ChipFacts> list_chips();

/// A configuration, found on one chip.
struct ChosenLines {
  std::string path;
  std::string chip;  ///< Its name.
  struct Line {
    LineSpec spec;
    std::uint32_t offset{};
  };
  std::vector<Line> lines;
};

/// Why lines cannot be had.
struct LineComplaint : Complaint {
  bool may_come{};  ///< Their chip is not there; else the configuration is wrong.
};

/// Under which name a recorder holds its lines: as much of it as the kernel keeps, so that it knows
/// its own again.
[[nodiscard]] std::string consumer_of(const std::string& instrument);

/// Which lines of which chip are meant. What `consumer` holds itself counts as free. The error
/// names the key, what is wrong, and what there is.
[[nodiscard]] std::expected<ChosenLines, LineComplaint> choose_lines(
    const LineSettings& settings, std::span<const ChipFacts> chips, const std::string& consumer);

/// An edge as the kernel reports it. The level is the logical one: active_low is taken care of.
struct LineEvent {
  std::size_t line{};  ///< Index in ChosenLines::lines.
  bool active{};
  std::int64_t monotonic_ns{};  ///< CLOCK_MONOTONIC: of both versions of the kernel's interface.
  /// Of the line's events, from 1 on, and behind the last one of 32 bits 0; none: not numbered.
  std::optional<std::uint32_t> number{};
  /// The kernel had no room left behind this one: others of its line may be lost.
  bool at_limit{};
};

/// Lines that were requested: ours until it is gone. Outputs are inactive at first, and at the end.
/// Calls do not overlap, except wake() and set() of different lines.
class LineBank {
 public:
  virtual ~LineBank() = default;
  LineBank() = default;
  LineBank(const LineBank&) = delete;
  LineBank& operator=(const LineBank&) = delete;

  /// Waits for edges, wake() or the deadline. Errors: kDisconnected when the chip has gone, kIo.
  [[nodiscard]] virtual Result<void> wait(Deadline deadline) = 0;
  /// Those that are there, the oldest first as far as the kernel has them in order; never blocks.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<LineEvent> into) = 0;
  /// Ends a wait() that runs, or the next one. Threads: any.
  virtual void wake() noexcept = 0;
  /// The level of one line now.
  [[nodiscard]] virtual Result<bool> level(std::size_t line) = 0;
  /// Of an output: one call of the kernel. Threads: one for each line.
  [[nodiscard]] virtual Result<void> set(std::size_t line, bool active) = 0;
};

/// Inputs report both edges. Errors: kBusy, kDenied, kUnsupported (no interrupts), kIo; the context
/// names the line.
[[nodiscard]] Result<std::unique_ptr<LineBank>> request_lines(const ChosenLines& lines,
                                                              const std::string& consumer);

}  // namespace framelog
