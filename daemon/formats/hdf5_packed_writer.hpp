#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/chunk_index.hpp"
#include "formats/hdf5_packed_head.hpp"
#include "formats/segment.hpp"

/// Private to the hdf5_*.cpp files of this folder.
namespace framelog::hdf5 {

/// Writes packed frames behind each other: their bytes, then their rows in NAME.chunks and in the
/// tables, then what tells HDF5 of them, then `valid`. No library call, no allocation.
class PackedSegment {
 public:
  /// `file` is the HDF5 file, `index` is beside it.
  PackedSegment(FileSystem& files, const PackedHead& head, UniqueFd file, ChunkIndex index);

  /// Goes on behind the frames that the index counts, in a file that was laid down anew: their
  /// first and last record. Threads: control, first of all. Errors: kEnd when it counts none,
  /// kCorrupt, kIo.
  [[nodiscard]] Result<std::pair<FrameRecord, FrameRecord>> resume();

  /// Threads: write. Errors: kNoSpace, kIo; the frames() before the call stay valid.
  [[nodiscard]] Result<void> append(std::span<const FrameRecord> records,
                                    std::span<const PackedFrame> frames,
                                    std::span<const double> detectors);
  /// Threads: sync.
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] std::int64_t frames() const noexcept {
    return frames_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::int64_t capacity_frames() const noexcept { return tables_.capacity_frames; }
  [[nodiscard]] std::int64_t free_bytes() const noexcept { return index_.head().pixels_end - end_; }

 private:
  [[nodiscard]] Result<void> write_frames(std::span<const PackedFrame> frames);
  [[nodiscard]] Result<void> write_staged();
  [[nodiscard]] Result<void> write_rows(std::int64_t first, std::span<const FrameRecord> records,
                                        std::span<const PackedFrame> frames,
                                        std::span<const double> detectors);
  [[nodiscard]] Result<void> write_counts(std::int64_t frames);
  void take_back(std::int64_t first);

  FileSystem& files_;
  UniqueFd file_;
  ChunkIndex index_;
  SegmentPlaces tables_;
  ChunkArray chunks_;
  PackedRows rows_;
  std::uint32_t unpacked_mask_;  ///< All filters were left out.
  std::vector<std::byte> staging_;
  std::size_t staged_{};
  std::int64_t end_;      ///< Behind the last frame,
  std::int64_t written_;  ///< and behind what has left `staging_`.
  std::atomic<std::int64_t> frames_{0};
  std::int64_t synced_frames_{0};         ///< Of the sync thread.
  std::atomic<bool> sync_failed_{false};  ///< Set by the sync thread: it takes no more frames.
};

/// HDF5's filter mask of a frame that none of its dataset's filters has seen.
[[nodiscard]] std::uint32_t unpacked_mask(Codec codec) noexcept;

}  // namespace framelog::hdf5
