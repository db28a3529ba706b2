#pragma once

#include <span>
#include <vector>

#include "pipeline/recording_plan.hpp"
#include "store/workshop.hpp"

namespace framelog {

/// One lock per base that is not among those that are `there`; products may share one.
/// Errors: those of Workshop::open().
[[nodiscard]] Result<std::vector<Workshop>> open_workshops(FileSystem& files,
                                                           const RecordingPlan& plan,
                                                           std::span<const Workshop> there);

}  // namespace framelog
