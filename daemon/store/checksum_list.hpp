#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// The SHA256SUMS of a directory, as `sha256sum -c` reads it: a line per file, its digest and its
/// name. Several processes may change it: each holds its lock meanwhile. Threads: any.
inline constexpr const char* kChecksumList = "SHA256SUMS";

/// Digests by file name; no list is an empty one, and lines that are none are passed over. Errors:
/// kDenied, kIo.
[[nodiscard]] Result<std::map<std::string, std::string>> read_checksums(
    FileSystem& files, const std::filesystem::path& directory);

/// Adds the line of a file in one write; what a power cut has torn is cut off first. One that is
/// there already stays alone. Errors: kBusy when another process is at it (try again), kIo,
/// kNoSpace.
[[nodiscard]] Result<void> add_checksum(FileSystem& files, const std::filesystem::path& file,
                                        const std::string& sha256);
/// Removes the line of a file: the list is replaced as a whole, and goes with its last line.
/// Errors: as add_checksum().
[[nodiscard]] Result<void> remove_checksum(FileSystem& files, const std::filesystem::path& file);

}  // namespace framelog
