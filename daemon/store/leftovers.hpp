#pragma once

#include <filesystem>
#include <utility>
#include <vector>

#include "core/file_system.hpp"

namespace framelog {

/// What dead processes have left below a directory.
struct Unfinished {
  std::vector<std::filesystem::path> parts;     ///< NAME.EXT.part, living ones as well.
  std::vector<std::filesystem::path> prepared;  ///< As parts, but moved out of .framelog/.
  /// What could not be looked into, or not be moved, and why.
  std::vector<std::pair<std::filesystem::path, Error>> failed;
};

/// Finds every .part below a directory, but for quarantine/; symbolic links are not followed. On
/// the way it clears what holds no frame: companions of segments that are finished, halves of names
/// that were given when the process died, and prepared files in .framelog/ of instruments that no
/// living daemon holds. Whole prepared files, in which a power cut may have left frames, are moved
/// to BASE/recovered_NAME.EXT.part. Threads: any.
[[nodiscard]] Unfinished clear_leftovers(FileSystem& files, const std::filesystem::path& directory);

}  // namespace framelog
