#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// A bookmark of a place in a recording.
struct Snapshot {
  std::string name;  ///< Unique in its file.
  std::string description{};
  std::vector<std::string> tags{};
  std::optional<Region> rectangle{};  ///< In pixels of the recording; none: the whole frame.
  std::uint64_t frame{};              ///< Of the recording that `files` are.
  std::int64_t utc_ns{-1};            ///< Of the frame; -1: unknown.
  std::string contrast{};             ///< As --contrast takes it; empty: automatic.
  std::vector<std::string> files{};   ///< Names of the recording's files, beside the snapshots.
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

/// NAME.snapshots.json beside NAME.h5: travels with the recording.
[[nodiscard]] std::filesystem::path snapshots_path(const std::filesystem::path& recording);

/// As JSON, and back. Members of others are lost. Errors: kCorrupt with the place, kUnsupported,
/// another version.
[[nodiscard]] std::string snapshots_text(const std::vector<Snapshot>& snapshots);
[[nodiscard]] Result<std::vector<Snapshot>> parse_snapshots(std::string_view text);

/// Empty where there is no such file. Errors: kIo, those of parse_snapshots().
[[nodiscard]] Result<std::vector<Snapshot>> read_snapshots(FileSystem& files,
                                                           const std::filesystem::path& path);

/// Reads, lets `change` alter the list, and writes it to a new file that takes the place of the old
/// one; without snapshots the file goes. Others who change it at the same time wait: a lock is held
/// on the file. An error of `change` leaves everything as it is. Errors: kBusy after ten seconds.
[[nodiscard]] Result<void> change_snapshots(
    FileSystem& files, const std::filesystem::path& path,
    const std::function<Result<void>(std::vector<Snapshot>&)>& change);

}  // namespace framelog
