#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "export/write_facts.hpp"

/// Private to the write_*.cpp files of this folder: what playNano's bundles hold, as NPZ and HDF5
/// (facts: playNano's io/export_data.py and io/data_loaders.py).
namespace framelog {

/// 1 where it is not known: playNano needs a number.
[[nodiscard]] double pixel_size_nm(const ResultFacts& result);
[[nodiscard]] std::string bundle_channel(const RecordingFacts& recording);
/// The layers' names with their kind: "processed__step_1_remove_plane", "masks/step_2_mask".
[[nodiscard]] std::string layer_name(const LayerFacts& layer, std::string_view separator);

/// A list of JSON objects, one for each frame: what the recording's own bundle said of it, or its
/// number and flags, and always its `timestamp` in seconds. A point of a scan without a frame has
/// the flag of what is incomplete, no number, 0 frames in it (`accumulated`), and no time: null.
class FrameMetadata {
 public:
  explicit FrameMetadata(const WritePlan& plan) : plan_(plan) {}
  /// The text of the next frame, with the bracket or comma before it.
  [[nodiscard]] std::string next(const ResultSlice& slice);
  /// The same slice's time: NaN where it has none, its number where no frame has one.
  [[nodiscard]] double timestamp() const noexcept { return timestamp_; }
  [[nodiscard]] std::string end() const { return first_ ? "[]" : "]"; }

 private:
  WritePlan plan_;
  FrameTimes times_;
  double timestamp_{};
  bool first_{true};
};

}  // namespace framelog
