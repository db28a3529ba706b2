#pragma once

#include <cstdint>
#include <vector>

#include "export/export_plan.hpp"

namespace framelog {

/// The slices of a sequence of pictures whose files are there, in order: also of one that was
/// longer than the plan's, or has holes.
[[nodiscard]] std::vector<std::uint64_t> slices_there(FileSystem& files, const ExportPlan& plan,
                                                      const PlannedOutput& sequence);

}  // namespace framelog
