#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "export/export_painter.hpp"
#include "export/export_parts.hpp"
#include "export/export_plan.hpp"

namespace framelog {

/// What all sinks of one pass are given.
struct SinkSurroundings {
  FileSystem& files;
  PartFiles& parts;
  const ExportRequest& request;
  const ExportPlan& plan;
  const RecordingFacts& recording;
  const ResultFacts& result;  ///< Of this pass: the plan's, or a derived image's.
  /// Where the sums of detectors are read beside the frames; null: there are none.
  Recording* series{};
  std::string provenance_json;
};

/// One slice of each layer, and its picture, which is drawn once for all who want it.
class PaintedSlice {
 public:
  /// `image`: what the slice holds is a picture that was made of the whole recording.
  PaintedSlice(std::span<const ResultSlice> layers, const Painter* painter,
               const DerivedImage* image = nullptr)
      : layers_(layers), painter_(painter), image_(image) {}
  [[nodiscard]] const ResultSlice& slice() const noexcept { return layers_.front(); }
  [[nodiscard]] Result<const RgbImage*> picture();

 private:
  std::span<const ResultSlice> layers_;
  const Painter* painter_;
  const DerivedImage* image_;
  bool is_painted_{};
  RgbImage picture_;
};

/// Writes one output of an export, slice by slice. Threads: one.
class Sink {
 public:
  virtual ~Sink() = default;
  [[nodiscard]] virtual Result<void> take(PaintedSlice& slice) = 0;
  [[nodiscard]] virtual Result<void> finish(const ResultEnd& end) = 0;
  /// Reads back what was written.
  [[nodiscard]] virtual Result<void> verify() { return {}; }
  /// What the user should know of it that is no error. Asked behind finish().
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

/// Opens the part files of an output. The surroundings outlive it.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_sink(const SinkSurroundings& around,
                                                      const PlannedOutput& output);

}  // namespace framelog
