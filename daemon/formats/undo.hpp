#pragma once

#include <cstdint>
#include <filesystem>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// NAME.EXT.undo: the head of a .part and its size from before finalising, so that a kill in the
/// middle of finalising loses nothing. Layout: "frameundo" head below, then the bytes. Threads:
/// files.

/// Saves the first `head_bytes` of `part` and its size under `reserve` (a file in which space was
/// reserved, or a new one), syncs, then renames it to `undo`: an .undo that exists is complete.
[[nodiscard]] Result<void> save_undo(FileSystem& files, const std::filesystem::path& part,
                                     std::int64_t head_bytes, const std::filesystem::path& reserve,
                                     const std::filesystem::path& undo);

/// Writes `undo` back over `part`, syncs it, and removes `undo`. Repeatable. Errors: kCorrupt when
/// the undo is not whole; nothing was changed then.
[[nodiscard]] Result<void> apply_undo(FileSystem& files, const std::filesystem::path& undo,
                                      const std::filesystem::path& part);

}  // namespace framelog
