#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/file_system.hpp"

namespace framelog {

/// BASE/.framelog/INSTRUMENT: where segments are prepared, and the lock that keeps two daemons of
/// one instrument apart. Threads: control.
class Workshop {
 public:
  /// Creates base and directory, takes the lock, and checks that the base can be written to.
  /// Errors, each with what is allowed: kBusy when a living daemon has it, kDenied, kNotFound, kIo.
  [[nodiscard]] static Result<Workshop> open(FileSystem& files, const std::filesystem::path& base,
                                             const std::string& instrument);
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Counts the runs of this instrument in this base, from 1; kept on disk.
  [[nodiscard]] Result<std::int64_t> next_run_number(FileSystem& files);

 private:
  std::filesystem::path path_;
  UniqueFd lock_;
};

/// The directory for an instrument's prepared segments below a base.
[[nodiscard]] std::filesystem::path workshop_path(const std::filesystem::path& base,
                                                  const std::string& instrument);

}  // namespace framelog
