#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"
#include "formats/frame_record.hpp"

namespace framelog {

/// Where the bytes of a segment lie. Pixels come in runs (HDF5 chunks; for RAW the whole file is
/// one): frame i begins at `pixels + i / frames_per_run * run_stride + i % frames_per_run *
/// frame_bytes`.
struct SegmentPlaces {
  std::int64_t pixels{};
  std::int64_t frame_bytes{};
  std::int64_t frames_per_run{};
  std::int64_t run_stride{};
  std::int64_t capacity_frames{};
  std::int64_t records{};
  std::int64_t time{
      -1};  ///< A float64 per frame, seconds since the run's start; -1: there is none.
  std::vector<std::int64_t> detectors;  ///< A float64 per frame and detector.
  std::int64_t valid{};
  std::int64_t synced{};
  std::int64_t run_start_monotonic_ns{};
};

/// Writes the records of frames, their times and their rows of `detectors` at their places, frame
/// `first` and those behind it. Allocates nothing. Threads: write.
[[nodiscard]] Result<void> write_tables(FileSystem& files, int fd, const SegmentPlaces& places,
                                        std::int64_t first, std::span<const FrameRecord> records,
                                        std::span<const double> detectors);

}  // namespace framelog
