#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"
#include "formats/frame_record.hpp"
#include "formats/segment_tables.hpp"

namespace framelog {

[[nodiscard]] std::int64_t offset_of_frame(const SegmentPlaces& places,
                                           std::int64_t frame) noexcept;

/// The open files of a segment. `pixels` may be open for direct I/O; `table` (records, time, valid,
/// synced) never.
struct SegmentFiles {
  UniqueFd pixels;
  UniqueFd table;
  bool direct{};    ///< `pixels` bypasses the page cache.
  bool one_file{};  ///< Both are of the same file.
};

/// Writes a prepared segment as plain bytes at known offsets: pixels, then records, then `valid`,
/// so that a file cut off at any instant holds `valid` complete frames. No library call, no
/// allocation.
class PlainSegment {
 public:
  PlainSegment(FileSystem& files, const SegmentPlaces& places, SegmentFiles open_files);

  /// What a dead process has left in a segment.
  struct Left {
    std::int64_t frames{};
    FrameRecord first, last;
  };
  /// Goes on behind the frames that the file counts. Errors: kEnd when it counts none, kCorrupt
  /// when the count or the records are impossible. Threads: control, first of all.
  [[nodiscard]] Result<Left> resume();

  /// Threads: write. Errors: kNoSpace when the frames exceed the capacity or the disk, kIo.
  [[nodiscard]] Result<void> append(std::span<const FrameRecord> records,
                                    std::span<const std::byte> pixels,
                                    std::span<const double> detectors);
  /// Threads: sync.
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] std::int64_t frames() const noexcept {
    return frames_.load(std::memory_order_acquire);
  }
  [[nodiscard]] const SegmentPlaces& places() const noexcept { return places_; }
  void close_pixels() noexcept { open_.pixels.reset(); }

 private:
  [[nodiscard]] Result<void> write_pixels(std::int64_t first, std::span<const std::byte> pixels);
  [[nodiscard]] Result<void> sync_files();

  FileSystem& files_;
  SegmentPlaces places_;
  SegmentFiles open_;
  std::atomic<std::int64_t> frames_{0};
  std::int64_t synced_frames_{0};  ///< Of the sync thread.
  std::atomic<bool> sync_failed_{
      false};  ///< Set by the sync thread: this segment takes no more frames.
};

}  // namespace framelog
