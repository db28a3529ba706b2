#include "formats/hdf5_paging.hpp"

#include <algorithm>
#include <numeric>

#include "formats/frame_record.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::int64_t kLeastPageBytes = std::int64_t{64} << 10U;
constexpr std::int64_t kBlockBytes = 4096;
constexpr std::int64_t kMostChunks = 1000;

std::int64_t divide_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }

/// Smallest divisor of `bytes` that is at least kLeastPageBytes and a multiple of `unit`; 0 when
/// there is none.
std::int64_t page_dividing(std::int64_t bytes, std::int64_t unit) {
  if (bytes % unit != 0) return 0;
  const std::int64_t units = bytes / unit;
  std::int64_t best = 0;
  for (std::int64_t d = 1; d * d <= units; ++d) {
    if (units % d != 0) continue;
    for (const std::int64_t candidate : {d * unit, units / d * unit}) {
      if (candidate >= kLeastPageBytes && (best == 0 || candidate < best)) best = candidate;
    }
  }
  return best;
}

/// Rows per chunk of a table: whole pages, and few enough chunks.
std::int64_t table_rows(std::int64_t page_bytes, std::int64_t row_bytes, std::int64_t rows) {
  const std::int64_t least = std::lcm(page_bytes, row_bytes) / row_bytes;
  const std::int64_t factor =
      std::max(std::int64_t{1}, divide_up(divide_up(rows, kMostChunks), least));
  return std::min(rows, least * factor);
}

}  // namespace

Paging paging_of(std::int64_t frame_bytes, std::int64_t capacity_frames) noexcept {
  const std::int64_t unit_frames = divide_up(kLeastPageBytes, frame_bytes);
  const std::int64_t unit_bytes = unit_frames * frame_bytes;
  Paging paging;
  paging.page_bytes = page_dividing(unit_bytes, kBlockBytes);
  if (paging.page_bytes == 0) paging.page_bytes = page_dividing(unit_bytes, 1);
  const std::int64_t units = divide_up(capacity_frames, unit_frames * kMostChunks);
  paging.frames_per_chunk = unit_frames * units;
  paging.record_rows = table_rows(paging.page_bytes, kFrameRecordBytes, capacity_frames);
  paging.time_rows = table_rows(paging.page_bytes, sizeof(double), capacity_frames);
  return paging;
}

}  // namespace framelog::hdf5
