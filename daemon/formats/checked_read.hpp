#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/file_system.hpp"

namespace framelog {

/// Fills `pixels` from `offset` on, and tells whether they fit `crc32c`; true without one.
/// Allocates nothing. Errors: kIo; kCorrupt, the file ends before.
[[nodiscard]] Result<bool> checked_read(FileSystem& files, int fd, std::span<std::byte> pixels,
                                        std::int64_t offset,
                                        std::optional<std::uint32_t> crc32c) noexcept;

}  // namespace framelog
