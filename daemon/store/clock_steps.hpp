#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/frame_record.hpp"

namespace framelog {

/// The wall clock was set between two frames.
struct ClockStep {
  std::uint64_t sequence{};  ///< Of the first frame with the new time.
  std::int64_t utc_ns{};     ///< Of the same.
  std::int64_t step_ns{};    ///< Forwards, or, below zero, backwards.
};

/// Whether the wall clock did not just run, and be slewed, from one frame to the next; by how much
/// it was set then, else 0. Frames of unknown time (-1) tell of none.
[[nodiscard]] std::int64_t clock_step_ns(const FrameRecord& before,
                                         const FrameRecord& after) noexcept;

/// Where the records, in order, tell of a clock that was set: their monotonic times went on, those
/// in UTC did not by as much. Threads: any.
[[nodiscard]] std::vector<ClockStep> clock_steps(std::span<const FrameRecord> records);

/// "the clock was set back by 3600.000 s before frame 12 (2026-10-25T00:59:58.000000Z): times
/// overlap, the order is that of the frames' numbers".
[[nodiscard]] std::string describe(const ClockStep& step);

}  // namespace framelog
