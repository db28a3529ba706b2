#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/settings.hpp"
#include "store/event_log.hpp"

namespace framelog {

/// What a GPIO line is for. The number is its bit in FrameInfo::gpio, for ever: files have it.
enum class LineRole : std::uint8_t { kTrigger, kGate, kReady, kRecording, kError, kStrobe };
inline constexpr std::size_t kLineRoles = 6;
/// "trigger", as [gpio], files and metrics spell it.
[[nodiscard]] std::string_view name_of(LineRole role) noexcept;
[[nodiscard]] constexpr bool is_input(LineRole role) noexcept {
  return role == LineRole::kTrigger || role == LineRole::kGate;
}
[[nodiscard]] constexpr std::uint64_t bit_of(LineRole role) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(role);
}

enum class LineBias : std::uint8_t { kAsItIs, kPullUp, kPullDown, kDisabled };

/// One line as configured.
struct LineSpec {
  LineRole role{};
  std::string line;  ///< A name, or an offset: then digits only.
  bool active_low{};
  bool open_drain{};  ///< Outputs only.
  LineBias bias{LineBias::kAsItIs};
  std::chrono::nanoseconds debounce{};         ///< Inputs only. 0: every edge counts.
  std::chrono::nanoseconds length{1'000'000};  ///< Of a pulse of the strobe.
  friend bool operator==(const LineSpec&, const LineSpec&) = default;
};

/// Which edges of the trigger line are triggers. An edge rises when the line becomes active.
enum class TriggerEdges : std::uint8_t { kNone, kRising, kFalling, kBoth };

/// What [gpio], and [record] trigger as far as it is about lines, say.
struct LineSettings {
  std::string chip;  ///< Name, path or label; empty: the one that has the lines.
  std::vector<LineSpec> lines;
  TriggerEdges trigger_edges{TriggerEdges::kNone};
  [[nodiscard]] const LineSpec* find(LineRole role) const noexcept;
  friend bool operator==(const LineSettings&, const LineSettings&) = default;
};

/// Keys of [gpio].
[[nodiscard]] std::span<const OptionSpec> line_options() noexcept;

/// What is wrong is added to `complaints`.
[[nodiscard]] LineSettings line_settings(const Settings& settings,
                                         std::vector<Complaint>& complaints);

/// "gpio:BUTTON rising" or "gpio rising".
struct LineTrigger {
  std::string line;  ///< Empty: that of [gpio] trigger.
  TriggerEdges edges{};
};
/// Of [record] trigger; none where it is about something else. The error is one line.
[[nodiscard]] std::optional<std::expected<LineTrigger, std::string>> parse_line_trigger(
    std::string_view text);

/// As files tell it.
[[nodiscard]] std::vector<LineDescription> descriptions_of(const LineSettings& settings);

}  // namespace framelog
