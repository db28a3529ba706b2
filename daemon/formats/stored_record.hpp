#pragma once

#include <cstdint>

#include "formats/frame_record.hpp"
#include "formats/stored_frames.hpp"

namespace framelog {

/// What the record of frame `index` tells; see StoredFrames::info() for a torn one.
[[nodiscard]] StoredInfo stored_info_of(const FrameRecord& record, std::uint64_t index) noexcept;

}  // namespace framelog
