#pragma once

#include "store/recovery.hpp"

namespace framelog {

/// The event that tells what became of an unfinished segment; none where there was nothing to do.
/// Threads: any.
void report_recovery(const RecoveredSegment& segment);

}  // namespace framelog
