#pragma once

#include <vector>

#include "export/exporter.hpp"

namespace framelog {

/// Several runs that become Scan000, Scan001 ... of one file (--layout pymodaq): a request for
/// each, in the order of their start. One request: anything else. Errors: of looking at the inputs.
[[nodiscard]] Result<std::vector<ExportRequest>> split_into_scans(FileSystem& files,
                                                                  const ExportRequest& request);

/// Writes them one after the other into the file that the first one names. Errors: as run_export().
[[nodiscard]] Result<ExportReport> run_scans(FileSystem& files,
                                             const std::vector<ExportRequest>& requests,
                                             const ExportProgress& progress);

}  // namespace framelog
