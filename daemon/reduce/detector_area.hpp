#pragma once

#include <cstdint>
#include <vector>

#include "core/result.hpp"
#include "reduce/detector.hpp"
#include "reduce/plan.hpp"

namespace framelog {

/// Which output pixels of `plan` belong to a detector: 1 for each that does, rows in order. Errors:
/// as those of DetectorSet::make().
[[nodiscard]] Result<std::vector<std::uint8_t>> pixels_of(const ReductionPlan& plan,
                                                          const DetectorSpec& detector);

}  // namespace framelog
