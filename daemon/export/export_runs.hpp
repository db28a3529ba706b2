#pragma once

#include <vector>

#include "export/export_plan.hpp"
#include "export/exporter.hpp"

namespace framelog {

/// Several runs that become Scan000, Scan001 ... of one file (--layout pymodaq): a request for
/// each, in the order of their start. One request: anything else. Errors: of looking at the inputs.
[[nodiscard]] Result<std::vector<ExportRequest>> split_into_scans(FileSystem& files,
                                                                  const ExportRequest& request);

/// What each of them will be. The first one's file takes them all: its estimate is of all of them,
/// and so is the space that has to be there. Errors: as preview_export().
[[nodiscard]] Result<std::vector<ExportPlan>> plan_scans(
    FileSystem& files, const std::vector<ExportRequest>& requests);

/// Writes them one after the other into the file that the first one names. Errors: as run_export().
[[nodiscard]] Result<ExportReport> run_scans(FileSystem& files,
                                             const std::vector<ExportRequest>& requests,
                                             const ExportProgress& progress);

}  // namespace framelog
