#pragma once

#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.hpp"

namespace framelog {

enum class Call : std::uint8_t {
  kOpen,
  kRead,
  kWrite,
  kReserve,
  kPunch,
  kResize,
  kSync,
  kSyncDirectory,
  kRename,
  kRemove,
  kMakeDirectories,
};
inline constexpr std::size_t kCalls = 11;

/// A call that fails: the `first` one of its kind (from 1, counted from when the fault was added)
/// and the `count` - 1 behind it, on paths that contain `path`.
struct Fault {
  Call call{};
  int first{1};
  int count{1};
  int system_errno{EIO};
  std::string path{};
  bool torn{};    ///< kWrite: half of the bytes arrive first.
  bool deadly{};  ///< The process dies by SIGKILL before the call.
  int seen{};
};
inline constexpr int kForEver = 1 << 30;

/// The real file system, of which chosen calls fail or are held up. Threads: any.
class FaultyFiles final : public FileSystem {
 public:
  void add(Fault fault) {
    const std::scoped_lock lock(mutex_);
    faults_.push_back(std::move(fault));
  }
  void heal() {
    const std::scoped_lock lock(mutex_);
    faults_.clear();
  }
  /// From now on every file system says that it has so much room.
  void set_free_bytes(std::int64_t bytes) {
    const std::scoped_lock lock(mutex_);
    free_bytes_ = bytes;
  }
  /// From now on all but / lies on that mount; the root's own is 1.
  void set_mount(std::uint64_t mount) {
    const std::scoped_lock lock(mutex_);
    mounts_ = mount;
  }
  /// Calls that have failed.
  [[nodiscard]] int failed() const {
    const std::scoped_lock lock(mutex_);
    return failed_;
  }
  [[nodiscard]] int calls(Call call) const {
    const std::scoped_lock lock(mutex_);
    return calls_[static_cast<std::size_t>(call)];
  }
  /// Calls of a kind on paths that contain `path` do not return until release().
  void hold(Call call, std::string path) {
    const std::scoped_lock lock(mutex_);
    holding_ = true;
    held_call_ = call;
    held_path_ = std::move(path);
  }
  void release() {
    {
      const std::scoped_lock lock(mutex_);
      holding_ = false;
    }
    released_.notify_all();
  }
  /// Told of each call before it is made, by the thread that makes it. Set before there are
  /// threads.
  void watch(std::function<void(Call, const std::filesystem::path&)> watcher) {
    watcher_ = std::move(watcher);
  }
  /// Waits until a call is held.
  void await_held() {
    std::unique_lock lock(mutex_);
    released_.wait(lock, [this] { return held_ > 0; });
  }

  Result<UniqueFd> open(const std::filesystem::path& path, int flags, unsigned mode) override {
    if (const int error = look(Call::kOpen, path)) return fail_errno(error, "cannot open", path);
    return real_.open(path, flags, mode);
  }
  Result<void> write_at(int fd, std::span<const std::byte> bytes, std::int64_t offset) override {
    bool torn = false;
    if (const int error = look(Call::kWrite, path_of(fd), &torn)) {
      if (torn) static_cast<void>(real_.write_at(fd, bytes.first(bytes.size() / 2), offset));
      return fail_errno(error, "cannot write");
    }
    return real_.write_at(fd, bytes, offset);
  }
  Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::int64_t offset) override {
    if (const int error = look(Call::kRead, path_of(fd))) return fail_errno(error, "cannot read");
    return real_.read_at(fd, bytes, offset);
  }
  Result<void> reserve(int fd, std::int64_t size, std::int64_t beyond) override {
    if (const int error = look(Call::kReserve, path_of(fd))) {
      return fail_errno(error, "cannot reserve space");
    }
    return real_.reserve(fd, size, beyond);
  }
  Result<void> punch_hole(int fd, std::int64_t offset, std::int64_t length) override {
    if (const int error = look(Call::kPunch, path_of(fd))) {
      return fail_errno(error, "cannot punch a hole");
    }
    return real_.punch_hole(fd, offset, length);
  }
  Result<void> resize(int fd, std::int64_t size) override {
    if (const int error = look(Call::kResize, path_of(fd))) {
      return fail_errno(error, "cannot resize");
    }
    return real_.resize(fd, size);
  }
  Result<std::int64_t> size_bytes(int fd) override { return real_.size_bytes(fd); }
  Result<void> sync(int fd) override {
    if (const int error = look(Call::kSync, path_of(fd))) return fail_errno(error, "cannot sync");
    return real_.sync(fd);
  }
  void start_writeback(int fd, std::int64_t offset, std::int64_t length) noexcept override {
    real_.start_writeback(fd, offset, length);
  }
  Result<void> sync_directory(const std::filesystem::path& directory) override {
    if (const int error = look(Call::kSyncDirectory, directory)) {
      return fail_errno(error, "cannot sync", directory);
    }
    return real_.sync_directory(directory);
  }
  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (const int error = look(Call::kRename, to)) return fail_errno(error, "cannot rename to", to);
    return real_.rename(from, to);
  }
  Result<void> replace(const std::filesystem::path& from,
                       const std::filesystem::path& to) override {
    if (const int error = look(Call::kRename, to)) return fail_errno(error, "cannot replace", to);
    return real_.replace(from, to);
  }
  Result<void> remove(const std::filesystem::path& path) override {
    if (const int error = look(Call::kRemove, path)) {
      return fail_errno(error, "cannot remove", path);
    }
    return real_.remove(path);
  }
  Result<void> remove_directory(const std::filesystem::path& path) override {
    if (const int error = look(Call::kRemove, path)) {
      return fail_errno(error, "cannot remove", path);
    }
    return real_.remove_directory(path);
  }
  bool exists(const std::filesystem::path& path) override { return real_.exists(path); }
  Result<void> make_directories(const std::filesystem::path& path) override {
    if (const int error = look(Call::kMakeDirectories, path)) {
      return fail_errno(error, "cannot create directory", path);
    }
    return real_.make_directories(path);
  }
  Result<std::vector<std::string>> list(const std::filesystem::path& path) override {
    return real_.list(path);
  }
  Result<SpaceInfo> space(const std::filesystem::path& path) override {
    auto space = real_.space(path);
    const std::scoped_lock lock(mutex_);
    if (space && free_bytes_) space->free_bytes = *free_bytes_;
    return space;
  }
  Result<MountIdentity> mount_of(const std::filesystem::path& path) override {
    const std::scoped_lock lock(mutex_);
    if (mounts_) return path == "/" ? MountIdentity{1, 1} : MountIdentity{*mounts_, *mounts_};
    return real_.mount_of(path);
  }
  Result<void> lock(int fd) override { return real_.lock(fd); }

 private:
  static std::filesystem::path path_of(int fd) {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
  }

  /// The errno with which this call fails; 0: it does not.
  int look(Call call, const std::filesystem::path& path, bool* torn = nullptr) {
    if (watcher_) watcher_(call, path);
    std::unique_lock lock(mutex_);
    ++calls_[static_cast<std::size_t>(call)];
    const std::string& text = path.native();
    if (holding_ && call == held_call_ && text.find(held_path_) != std::string::npos) {
      ++held_;
      released_.notify_all();
      released_.wait(lock, [this] { return !holding_; });
      --held_;
    }
    for (Fault& fault : faults_) {
      if (fault.call != call || text.find(fault.path) == std::string::npos) continue;
      ++fault.seen;
      if (fault.seen < fault.first || fault.seen - fault.first >= fault.count) continue;
      if (fault.deadly) ::raise(SIGKILL);
      ++failed_;
      if (torn != nullptr) *torn = fault.torn;
      return fault.system_errno;
    }
    return 0;
  }

  FileSystem& real_{system_files()};
  std::function<void(Call, const std::filesystem::path&)> watcher_;
  mutable std::mutex mutex_;
  std::condition_variable released_;
  std::vector<Fault> faults_;
  std::array<int, kCalls> calls_{};
  int failed_{};
  std::optional<std::int64_t> free_bytes_;
  std::optional<std::uint64_t> mounts_;
  bool holding_{};
  int held_{};
  Call held_call_{};
  std::string held_path_;
};

}  // namespace framelog
