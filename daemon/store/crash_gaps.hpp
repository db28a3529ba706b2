#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "formats/segment.hpp"

namespace framelog {

/// Adds to `gaps`, as the .events of a dead process tell them, those that only the frame table
/// knows, with the reason "crash": jumps of the sequence with the stage "write", what else
/// `dropped_before` tells with the stage "capture". `lost_at_end` frames were in the file, but not
/// whole. Damaged records are passed over. With `leaves_out` the recording merges, skips or does
/// not record some frames, so that a jump alone is no loss. The result is in the order of the
/// frames.
void add_crash_gaps(std::span<const FrameRecord> records, std::int64_t lost_at_end, bool leaves_out,
                    std::vector<GapEntry>& gaps);

}  // namespace framelog
