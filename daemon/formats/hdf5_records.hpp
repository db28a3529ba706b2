#pragma once

#include <hdf5.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/frame_record.hpp"
#include "formats/hdf5_places.hpp"
#include "formats/stored_frames.hpp"

/// Private to the hdf5_*.cpp files of this folder: what a segment of ours tells beside its pixels.
namespace framelog::hdf5 {

/// Whether `dataset` is the pixels of a segment of ours.
[[nodiscard]] bool is_segment(hid_t file, const std::string& dataset);

struct SegmentFacts {
  std::uint64_t frames{};  ///< Complete ones.
  std::optional<double> saturation;
  std::optional<int> bit_depth;
};
/// `frames` are those that the dataset has room for. Errors: kCorrupt, counts that contradict each
/// other; kInvalid, no frame.
[[nodiscard]] Result<SegmentFacts> segment_facts(hid_t file, std::uint64_t frames);

/// The frame table of a segment; without one every frame's number is its index.
class FrameTable {
 public:
  FrameTable() = default;
  /// Errors: kCorrupt, it is shorter than the frames.
  [[nodiscard]] static Result<FrameTable> of(hid_t file, std::uint64_t frames,
                                             std::int64_t file_bytes);
  /// `fd` is of the segment. Allocates nothing. Errors: kIo, kCorrupt.
  [[nodiscard]] Result<StoredInfo> info(FileSystem& files, int fd,
                                        std::uint64_t index) const noexcept;

 private:
  std::optional<RowPlaces> places_;
  std::vector<FrameRecord> records_;  // Of a table that only HDF5 can read.
};

}  // namespace framelog::hdf5
