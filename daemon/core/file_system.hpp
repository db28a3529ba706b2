#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/unique_fd.hpp"

namespace framelog {

struct SpaceInfo {
  std::int64_t free_bytes{};  ///< For unprivileged users.
  std::int64_t total_bytes{};
  std::int64_t free_files{-1};  ///< That can be created; -1 where the file system has no limit.
  std::int64_t largest_file_bytes{std::numeric_limits<std::int64_t>::max()};
};

/// What a path leads to: which file system, and which mount of it.
struct MountIdentity {
  std::uint64_t device{};
  std::uint64_t mount{};
  friend bool operator==(const MountIdentity&, const MountIdentity&) = default;
};

/// The calls on files that a recording makes. Injectable, so that tests can fail any of them.
/// Threads: any. Errors carry errno and the path where there is one.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// open(2) with O_CLOEXEC added.
  [[nodiscard]] virtual Result<UniqueFd> open(const std::filesystem::path& path, int flags,
                                              unsigned mode = 0644) = 0;
  /// Writes all bytes. Allocates nothing unless it fails.
  [[nodiscard]] virtual Result<void> write_at(int fd, std::span<const std::byte> bytes,
                                              std::int64_t offset) = 0;
  /// Reads until `bytes` is full or the file ends; returns the count.
  [[nodiscard]] virtual Result<std::size_t> read_at(int fd, std::span<std::byte> bytes,
                                                    std::int64_t offset) = 0;
  /// Makes sure that the first `size_bytes` exist on the disk, then `beyond_bytes` more behind the
  /// end, without changing the visible size for the latter.
  [[nodiscard]] virtual Result<void> reserve(int fd, std::int64_t size_bytes,
                                             std::int64_t beyond_bytes) = 0;
  [[nodiscard]] virtual Result<void> punch_hole(int fd, std::int64_t offset,
                                                std::int64_t length) = 0;
  [[nodiscard]] virtual Result<void> resize(int fd, std::int64_t size_bytes) = 0;
  [[nodiscard]] virtual Result<std::int64_t> size_bytes(int fd) = 0;
  /// fdatasync(2).
  [[nodiscard]] virtual Result<void> sync(int fd) = 0;
  /// Starts writing dirty pages of the range out, without waiting for them.
  virtual void start_writeback(int fd, std::int64_t offset, std::int64_t length) noexcept = 0;
  [[nodiscard]] virtual Result<void> sync_directory(const std::filesystem::path& directory) = 0;
  /// Fails with kExists rather than replace anything.
  [[nodiscard]] virtual Result<void> rename(const std::filesystem::path& from,
                                            const std::filesystem::path& to) = 0;
  /// rename(2): only for the program's own state files, never for recordings.
  [[nodiscard]] virtual Result<void> replace(const std::filesystem::path& from,
                                             const std::filesystem::path& to) = 0;
  [[nodiscard]] virtual Result<void> remove(const std::filesystem::path& path) = 0;
  /// rmdir(2): never one that holds anything.
  [[nodiscard]] virtual Result<void> remove_directory(const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual bool exists(const std::filesystem::path& path) = 0;
  /// With parents; an existing directory is fine.
  [[nodiscard]] virtual Result<void> make_directories(const std::filesystem::path& path) = 0;
  /// Names in a directory, sorted.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(
      const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual Result<SpaceInfo> space(const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual Result<MountIdentity> mount_of(const std::filesystem::path& path) = 0;
  /// An open-file-description lock on the whole file, until the descriptor is closed or its process
  /// dies. It does not meet the flock(2) locks of HDF5. Errors: kBusy when another process has it.
  [[nodiscard]] virtual Result<void> lock(int fd) = 0;
};

[[nodiscard]] FileSystem& system_files() noexcept;

/// Whole small file. Errors: as FileSystem::open, kInvalid when it is larger than `limit_bytes`.
[[nodiscard]] Result<std::string> read_text(FileSystem& files, const std::filesystem::path& path,
                                            std::size_t limit_bytes = std::size_t{64} << 20U);
/// Creates `path` (kExists when it is there), writes, and syncs it.
[[nodiscard]] Result<void> write_new_file(FileSystem& files, const std::filesystem::path& path,
                                          std::span<const std::byte> bytes);

}  // namespace framelog
