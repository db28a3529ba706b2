#pragma once

#include <memory>
#include <string>
#include <vector>

#include "export/exporter.hpp"
#include "export/recording.hpp"

namespace framelog {

/// open_recording(), with what a request says of an input that does not describe itself: the shape
/// in the name of a RAW ("scan_128x128x64x64.raw": x and y of the pattern, then of the scan,
/// float32 unless told), and the scan that its frames fill. Errors: as open_recording(); kInvalid,
/// frames that do not fill whole scans.
[[nodiscard]] Result<std::unique_ptr<Recording>> open_export_input(FileSystem& files,
                                                                   const ExportRequest& request);

/// The segments of `first`, which the request led to, once more, whatever has come and gone beside
/// them: for one who reads in another thread. Errors: as open_recording(); kCorrupt, they hold
/// other frames now.
[[nodiscard]] Result<std::unique_ptr<Recording>> open_segments_again(FileSystem& files,
                                                                     const ExportRequest& request,
                                                                     const RecordingFacts& first);

/// The detectors of a request, whose centre may be left out, in a recording's pixels.
[[nodiscard]] std::vector<DetectorSpec> centred(std::vector<DetectorSpec> detectors,
                                                const FrameShape& shape);

/// Of every product of every run that the inputs hold: one request each, in the order of the runs.
[[nodiscard]] Result<std::vector<ExportRequest>> every_recording(FileSystem& files,
                                                                 const ExportRequest& request);

}  // namespace framelog
