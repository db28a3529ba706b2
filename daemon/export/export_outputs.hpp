#pragma once

#include "export/export_plan.hpp"

namespace framelog {

/// The outputs of a plan whose result is known: one for each format and image. Errors: kInvalid and
/// kUnsupported, a format that is not there or does not hold the result.
[[nodiscard]] Result<void> plan_outputs(const ExportRequest& request, ExportPlan& plan);

/// Of one picture without packing.
[[nodiscard]] std::int64_t picture_bytes(const ResultFacts& result, const ExportRequest& request,
                                         bool raw);

}  // namespace framelog
