#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "core/file_system.hpp"
#include "store/workshop.hpp"

namespace framelog {

/// Whether a base that is to be a disk of its own lies on the root's file system: nothing is
/// mounted there. What lies nearest above it counts where it is not there itself.
[[nodiscard]] bool is_disk_missing(FileSystem& files, const std::filesystem::path& base);

/// A directory that an instrument's segments go to, whose disk may be missing, go and come back.
/// While it is open its workshop is locked. Threads: any.
class Base {
 public:
  Base(FileSystem& files, std::filesystem::path path, std::string instrument, bool require_mount);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// It must not be on the root's own file system.
  [[nodiscard]] bool requires_mount() const noexcept { return require_mount_; }
  /// Without a disk, where one is required, nothing is created. Errors: kNotFound then; those of
  /// Workshop::open().
  [[nodiscard]] Result<void> open();
  /// Looks whether the disk that it was opened on is still there, and closes it otherwise.
  void look();
  [[nodiscard]] bool is_open() const;
  /// How often it has been opened: what belongs to an earlier time is on a disk that has gone.
  [[nodiscard]] std::uint64_t times_opened() const;
  /// The file system that it was last opened on. Of two bases on one each takes room from the
  /// other.
  [[nodiscard]] std::uint64_t device() const;
  /// Errors: kNotFound while it is not open; those of Workshop::next_run_number().
  [[nodiscard]] Result<std::int64_t> next_run_number();

 private:
  FileSystem& files_;
  std::filesystem::path path_;
  std::string instrument_;
  bool require_mount_;
  mutable std::mutex mutex_;
  std::optional<Workshop> workshop_;
  MountIdentity mount_;
  std::uint64_t times_opened_{};
};

}  // namespace framelog
