#pragma once

#include <cstdint>

namespace framelog::hdf5 {

/// How a skeleton is cut into pages and chunks, so that all chunks lie in sequence and trimming
/// gives their space back.
struct Paging {
  std::int64_t page_bytes{};        ///< HDF5's file space page.
  std::int64_t frames_per_chunk{};  ///< A chunk of pixels is a whole number of pages.
  std::int64_t record_rows{};  ///< Frame records per chunk; whole pages unless one chunk holds all.
  std::int64_t time_rows{};
};

/// HDF5 1.10 starts each chunk on a page, and forgets on closing what is left between a chunk's end
/// and the next page: only chunks that are whole pages can be trimmed. So the page is chosen to
/// divide the chunk: the smallest such number of 64 KiB or more, a multiple of 4096 where there is
/// one (for O_DIRECT).
[[nodiscard]] Paging paging_of(std::int64_t frame_bytes, std::int64_t capacity_frames) noexcept;

}  // namespace framelog::hdf5
