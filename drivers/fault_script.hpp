#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace framelog {

enum class FaultKind : std::uint8_t {
  kLose,        ///< lose 3 at 100: frames 100, 101 and 102 never arrive.
  kStall,       ///< stall 2 s at 500: the camera pauses for 2 s before frame 500.
  kDisconnect,  ///< disconnect 1 s at 200: gone for 1 s when frame 200 is due.
  kCorrupt,     ///< corrupt at 50: frame 50 is flagged corrupt, and some of its bytes are damaged.
  kIncomplete,  ///< incomplete at 60: frame 60 is flagged, the last half of its pixels is zero.
  kStep,        ///< step -10 s at 300: from frame 300 on, UTC is 10 s less.
  kResize,      ///< resize 64x32 at 400: from frame 400 on, 64 rows of 32 pixels.
  kAbsent,  ///< absent 5 s: cannot be opened in its first 5 s; only with this one it is waited for.
  kSilent,  ///< silent at 700: neither frame 700 nor any other arrives, until stopped.
  kHang,    ///< hang at 800: reading frame 800 never returns, as in a driver that is stuck.
};

struct Fault {
  FaultKind kind{};
  std::uint64_t at{};                 ///< source_sequence.
  std::uint64_t frames{};             ///< kLose
  std::chrono::nanoseconds length{};  ///< kStall, kDisconnect, kStep, kAbsent
  std::uint32_t height_px{};          ///< kResize
  std::uint32_t width_px{};           ///< kResize
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// The longest side of a simulated frame.
inline constexpr std::uint32_t kMaxSidePx = 32768;

inline constexpr std::size_t kMaxFaults = 200;

/// Reads at most kMaxFaults faults separated by `;`, and puts them in the order in which they
/// happen. A time is at most 30 days. The error names the column (from 1), what is wrong and what
/// is allowed.
[[nodiscard]] std::expected<std::vector<Fault>, std::string> parse_faults(std::string_view text);

}  // namespace framelog
