#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "export/export_plan.hpp"

namespace framelog {

/// Draws slices as they are displayed: contrast, colours, layers on top of each other, annotations.
/// Threads: one.
class Painter {
 public:
  /// `limits`: of each layer; none: of each picture.
  Painter(const ExportRequest& request, const ExportPlan& plan,
          std::vector<std::optional<ContrastLimits>> limits);

  /// One slice of each layer. Errors: those of annotate().
  [[nodiscard]] Result<RgbImage> paint(std::span<const ResultSlice> layers) const;
  /// Of a picture that was made of the whole recording.
  [[nodiscard]] Result<RgbImage> paint(const DerivedImage& image) const;

 private:
  [[nodiscard]] std::string time_text(const ResultSlice& slice) const;

  const ExportRequest& request_;
  PictureRequest picture_;
  ResultFacts result_;
  PictureFacts facts_;
  std::vector<FrameShape> shapes_;
  std::vector<std::optional<ContrastLimits>> limits_;
  std::int64_t start_ns_{-1};  // From where time stamps count.
};

/// Black and white of a whole stack; none where each picture has its own. Reads the result once or
/// twice and rewinds it.
[[nodiscard]] Result<std::optional<ContrastLimits>> stack_limits(ResultFrames& frames,
                                                                 const ExportRequest& request);

/// Detectors and regions of a recording in pixels of its cut and binned frames.
[[nodiscard]] std::vector<DetectorSpec> detectors_in(const ResultFacts& result,
                                                     std::span<const DetectorSpec> detectors);
[[nodiscard]] std::vector<Region> regions_in(const ResultFacts& result,
                                             std::span<const Region> regions);

}  // namespace framelog
