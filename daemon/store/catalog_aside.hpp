#pragma once

#include <filesystem>
#include <string_view>

#include "core/file_system.hpp"
#include "core/result.hpp"

/// Private to the catalog*.cpp files of this folder.
namespace framelog {

/// NAME-wal, NAME-shm: what SQLite has beside a data base.
[[nodiscard]] std::filesystem::path beside(const std::filesystem::path& file,
                                           std::string_view suffix);

/// Renames a closed data base that cannot be used to NAME.damaged-TIME, or the next such name that
/// is free, with its log.
[[nodiscard]] Result<void> move_aside(FileSystem& files, const std::filesystem::path& file);

}  // namespace framelog
