#pragma once

#include <string>

#include "formats/segment.hpp"

namespace framelog {

/// The NAME.json beside a RAW of so many frames, as a finished recording has it. Errors: kCorrupt,
/// a provenance that is no JSON.
[[nodiscard]] Result<std::string> raw_sidecar(const SegmentDescription& description,
                                              std::int64_t frames, const SegmentEnd& end);

}  // namespace framelog
