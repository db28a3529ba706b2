#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/scan.hpp"
#include "export/recording.hpp"
#include "export/request.hpp"
#include "export/result_frames.hpp"

/// Private to this folder: what the images of a scan are called.
namespace framelog {

/// Stands in lists for the patterns of all points.
inline constexpr std::string_view kAnyPattern = "pattern_SY_SX";
inline constexpr std::string_view kSumImage = "sum";
inline constexpr std::string_view kMeanImage = "mean";

/// The detectors of the recording, and those that were asked for beside them, which come first.
[[nodiscard]] std::vector<DetectorSpec> all_detectors(const RecordingFacts& recording,
                                                      const ViewRequest& view);
/// "BF_0-12px": the angles, or radii, in the unit of the pixels where those are square.
[[nodiscard]] std::string image_name(const RecordingFacts& recording, const DetectorSpec& detector);
/// "pattern_3_4", of scan 0; none: it is no pattern's name.
[[nodiscard]] std::optional<ScanPoint> pattern_of(std::string_view name);
[[nodiscard]] std::string pattern_name(const ScanPoint& point);
/// Whether a result has the point of the recording's scan; true where it has no scan at all.
[[nodiscard]] bool has_point(const RecordingFacts& recording, const ResultFacts& facts,
                             const ScanPoint& point);

/// The full name of an image that is asked for by its name, or by that of its detector (never by
/// the beginning of either); none: there is no such image.
[[nodiscard]] std::optional<std::string> find_image(const Recording& recording,
                                                    const ViewRequest& view,
                                                    const std::string& name);
/// What an image is called in each scan of the result: "BF", or of several scans "BF_t0" and so on
/// by their numbers. Of sum and mean there is one of all scans.
[[nodiscard]] std::vector<std::string> images_of_scans(const ResultFacts& facts,
                                                       const std::string& name);

}  // namespace framelog
