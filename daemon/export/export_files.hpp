#pragma once

#include "core/file_system.hpp"
#include "export/export_plan.hpp"

namespace framelog {

/// A file system whose reads and writes end with kTimeout "interrupted" when the export has been:
/// reading back and packing take their time, too. What removes files goes on. Threads: any.
class InterruptibleFiles final : public FileSystem {
 public:
  InterruptibleFiles(FileSystem& inner, const ExportProgress& progress)
      : inner_(inner), progress_(progress) {}
  [[nodiscard]] FileSystem& inner() const noexcept { return inner_; }
  /// Whether a call has ended so: libraries give other reasons for what fails on account of it.
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_.load(); }

  Result<UniqueFd> open(const std::filesystem::path& path, int flags, unsigned mode) override {
    return inner_.open(path, flags, mode);
  }
  Result<void> write_at(int fd, std::span<const std::byte> bytes, std::int64_t offset) override;
  Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::int64_t offset) override;
  Result<void> reserve(int fd, std::int64_t size_bytes, std::int64_t beyond_bytes) override {
    return inner_.reserve(fd, size_bytes, beyond_bytes);
  }
  Result<void> punch_hole(int fd, std::int64_t offset, std::int64_t length) override {
    return inner_.punch_hole(fd, offset, length);
  }
  Result<void> resize(int fd, std::int64_t size_bytes) override {
    return inner_.resize(fd, size_bytes);
  }
  Result<std::int64_t> size_bytes(int fd) override { return inner_.size_bytes(fd); }
  Result<void> sync(int fd) override { return inner_.sync(fd); }
  void start_writeback(int fd, std::int64_t offset, std::int64_t length) noexcept override {
    inner_.start_writeback(fd, offset, length);
  }
  Result<void> sync_directory(const std::filesystem::path& directory) override {
    return inner_.sync_directory(directory);
  }
  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return inner_.rename(from, to);
  }
  Result<void> replace(const std::filesystem::path& from,
                       const std::filesystem::path& to) override {
    return inner_.replace(from, to);
  }
  Result<void> remove(const std::filesystem::path& path) override { return inner_.remove(path); }
  Result<void> remove_directory(const std::filesystem::path& path) override {
    return inner_.remove_directory(path);
  }
  bool exists(const std::filesystem::path& path) override { return inner_.exists(path); }
  Result<void> make_directories(const std::filesystem::path& path) override {
    return inner_.make_directories(path);
  }
  Result<std::vector<std::string>> list(const std::filesystem::path& path) override {
    return inner_.list(path);
  }
  Result<SpaceInfo> space(const std::filesystem::path& path) override { return inner_.space(path); }
  Result<MountIdentity> mount_of(const std::filesystem::path& path) override {
    return inner_.mount_of(path);
  }
  Result<void> lock(int fd) override { return inner_.lock(fd); }

 private:
  [[nodiscard]] bool goes_on();

  FileSystem& inner_;
  const ExportProgress& progress_;
  std::atomic<bool> interrupted_{false};
};

/// An output as it is on the disk now: path, bytes with companions, files.
[[nodiscard]] ExportOutput describe_output(FileSystem& files, const ExportPlan& plan,
                                           const PlannedOutput& output);
/// SHA-256 of a whole file.
[[nodiscard]] Result<std::string> file_digest(FileSystem& files, const std::filesystem::path& path);

}  // namespace framelog
