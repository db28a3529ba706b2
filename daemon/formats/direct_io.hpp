#pragma once

#include <cstdint>
#include <filesystem>

#include "core/file_system.hpp"

namespace framelog {

/// Whether frames of that size, the first at that offset, all begin and end where O_DIRECT wants
/// it.
[[nodiscard]] bool is_direct_io_fit(std::int64_t first_offset, std::int64_t frame_bytes) noexcept;

struct PixelFile {
  UniqueFd fd;
  bool direct{};  ///< It bypasses the page cache.
};

/// Opens a file for its pixels, with O_DIRECT where that is `wanted` and the file system really
/// takes it: tried by writing zeros at `probe_offset`, where no frame is yet. Threads: files.
/// Errors: as FileSystem::open.
[[nodiscard]] Result<PixelFile> open_for_pixels(FileSystem& files,
                                                const std::filesystem::path& path, bool wanted,
                                                std::int64_t probe_offset);

}  // namespace framelog
