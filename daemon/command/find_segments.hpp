#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file_system.hpp"

namespace framelog {

enum class SegmentState : std::uint8_t { kFinished, kRecording, kUnfinished, kQuarantined };
/// "finished", "recording", "unfinished", "quarantined"
[[nodiscard]] std::string_view name_of(SegmentState state) noexcept;

struct FoundSegment {
  std::filesystem::path path;
  std::filesystem::path shown;  ///< Relative to the directory that was searched.
  SegmentState state{};
  std::int64_t bytes{};  ///< With its companions.
};

struct FoundSegments {
  std::vector<FoundSegment> segments;                           ///< In the order of their paths.
  std::vector<std::pair<std::filesystem::path, Error>> failed;  ///< Not there, or not readable.
};

/// Every segment below a directory, finished or not, or the one given. Symbolic links below it are
/// not followed. A companion of a RAW stands for the RAW.
[[nodiscard]] FoundSegments find_segments(FileSystem& files, const std::filesystem::path& where);

}  // namespace framelog
