#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "export/write_facts.hpp"
#include "formats/hdf5_array_file.hpp"

/// Private to the write_hdf5*.cpp files of this folder: what the layouts share.
namespace framelog {

/// The pixels of a result: in one piece, or in chunks of about a mebibyte where they are packed or
/// may grow.
[[nodiscard]] Hdf5ArraySpec pixels_of(const WritePlan& plan, std::string path);
/// Whole slices in a chunk of about a mebibyte, one at least.
[[nodiscard]] std::uint64_t slices_per_chunk(std::uint64_t slice_bytes) noexcept;

/// What ilastik reads of a dataset (its sources: vigra's axistags, `axis_units`, `drange`).
[[nodiscard]] std::string axistags(const ResultFacts& result);
[[nodiscard]] std::string axis_units(const ResultFacts& result);

/// The path of the dataset with the pixels in a layout; of PyMoDAQ's that of the detector's group.
[[nodiscard]] std::string pixels_path(std::string_view layout, const WriteRequest& request);

/// As h5py and NeXus name the root's: creator, time and version. The time is that of the export.
void write_root(Hdf5ArrayFile& file, const WritePlan& plan);

/// A place in the scale of an axis for each of its indices.
[[nodiscard]] std::vector<double> scale_of(const AxisFacts& axis);

/// Least and most of what was written, for `drange`.
class ValueRange {
 public:
  void add(const FrameStatistics& statistics) noexcept;
  /// Zeros where there is none.
  [[nodiscard]] std::vector<double> values() const;

 private:
  double least_{};
  double most_{};
  bool any_{};
};

}  // namespace framelog
