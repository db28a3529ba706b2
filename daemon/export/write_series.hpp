#pragma once

#include <cstdint>
#include <vector>

#include "export/dataset_writer.hpp"

/// Private to the write_*.cpp files of this folder.
namespace framelog {

/// The recorded sums of a recording's detectors, read in blocks as the frames come. Threads: one.
class DetectorSums {
 public:
  /// None where the plan has no source, or a slice is no frame.
  explicit DetectorSums(const WritePlan& plan);
  [[nodiscard]] std::size_t size() const noexcept { return blocks_.size(); }
  /// Of the frame of a slice, in the order of RecordingFacts::series; NaN where there is no frame.
  /// Errors: of reading.
  [[nodiscard]] Result<void> read(const ResultSlice& slice, std::vector<double>& sums);

 private:
  [[nodiscard]] Result<void> load(std::uint64_t frame);

  Recording* source_;
  std::uint64_t frames_;
  std::uint64_t first_{};
  std::uint64_t count_{};
  std::vector<std::vector<double>> blocks_;
};

}  // namespace framelog
