#pragma once

#include <cstdint>
#include <limits>

#include "formats/frame_record.hpp"
#include "formats/stored_frames.hpp"

namespace framelog {

/// The sequence number of a record that stands for a point of a scan without a frame. Such are in
/// exports alone, whose arrays have a place for every point; `accumulated` is 0.
inline constexpr std::uint64_t kNoFrameSequence = std::numeric_limits<std::uint64_t>::max();
[[nodiscard]] inline bool is_placeholder(const FrameRecord& record) noexcept {
  return record.sequence == kNoFrameSequence && record.accumulated == 0;
}

/// Not where it stands for none, or is torn.
[[nodiscard]] inline bool tells_of_frame(const StoredInfo& stored) noexcept {
  const bool is_torn = (stored.info.flags & kFlagCorrupt) != 0 && !stored.crc32c;
  return stored.info.sequence != kNoFrameSequence && !is_torn;
}

/// What the record of frame `index` tells; see StoredFrames::info() for a torn one.
[[nodiscard]] StoredInfo stored_info_of(const FrameRecord& record, std::uint64_t index) noexcept;

}  // namespace framelog
