#include "core/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace framelog {
namespace {

constexpr std::int64_t kLargestFileOfVfat = (std::int64_t{1} << 32U) - 1;
constexpr int kRetriesOfInterruptedCall = 1 << 20;

/// A call that a signal has interrupted is made again; -1 and errno for other errors.
template <class Call>
int retried(Call call) {
  int result = 0;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

class SystemFiles final : public FileSystem {
 public:
  Result<UniqueFd> open(const std::filesystem::path& path, int flags, unsigned mode) override {
    const int fd = retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
    if (fd < 0) return fail_errno(errno, "cannot open", path.string());
    return UniqueFd(fd);
  }

  Result<void> write_at(int fd, std::span<const std::byte> bytes, std::int64_t offset) override {
    for (int tries = 0; !bytes.empty(); ++tries) {
      const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), offset);
      if (written > 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        offset += written;
      } else if (written == 0) {
        return fail_errno(ENOSPC, "cannot write");
      } else if (errno != EINTR || tries > kRetriesOfInterruptedCall) {
        return fail_errno(errno, "cannot write");
      }
    }
    return {};
  }

  Result<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::int64_t offset) override {
    std::size_t total = 0;
    while (total < bytes.size()) {
      const ssize_t got = ::pread(fd, bytes.data() + total, bytes.size() - total,
                                  offset + static_cast<std::int64_t>(total));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, "cannot read");
      if (got == 0) break;
      total += static_cast<std::size_t>(got);
    }
    return total;
  }

  Result<void> reserve(int fd, std::int64_t size_bytes, std::int64_t beyond_bytes) override {
    if (size_bytes > 0 && !allocate(fd, 0, 0, size_bytes)) return reserve_plain(fd, size_bytes);
    // What lies beyond the end is a convenience where the file system knows nothing of it.
    if (beyond_bytes > 0 && !allocate(fd, FALLOC_FL_KEEP_SIZE, size_bytes, beyond_bytes) &&
        errno != EOPNOTSUPP) {
      return fail_errno(errno, "cannot reserve space");
    }
    return {};
  }

  Result<void> punch_hole(int fd, std::int64_t offset, std::int64_t length) override {
    const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (retried([&] { return ::fallocate(fd, mode, offset, length); }) != 0) {
      return fail_errno(errno, "cannot punch a hole");
    }
    return {};
  }

  Result<void> resize(int fd, std::int64_t size_bytes) override {
    if (retried([&] { return ::ftruncate(fd, size_bytes); }) != 0) {
      return fail_errno(errno, "cannot resize");
    }
    return {};
  }

  Result<std::int64_t> size_bytes(int fd) override {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return fail_errno(errno, "cannot stat");
    return status.st_size;
  }

  Result<void> sync(int fd) override {
    if (retried([&] { return ::fdatasync(fd); }) != 0) return fail_errno(errno, "cannot sync");
    return {};
  }

  void start_writeback(int fd, std::int64_t offset, std::int64_t length) noexcept override {
    // Only a hint: what it cannot start now, sync() writes.
    static_cast<void>(::sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE));
  }

  Result<void> sync_directory(const std::filesystem::path& directory) override {
    auto fd = open(directory, O_RDONLY | O_DIRECTORY, 0);
    if (!fd) return std::unexpected(fd.error());
    if (retried([&] { return ::fsync(fd->get()); }) != 0) {
      return fail_errno(errno, "cannot sync", directory.string());
    }
    return {};
  }

  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno != EINVAL && errno != ENOSYS)
      return fail_errno(errno, "cannot rename to", to.string());
    // File systems without RENAME_NOREPLACE: link(2) refuses an existing name as well.
    if (::link(from.c_str(), to.c_str()) == 0) return remove(from);
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) {
      return fail_errno(errno, "cannot rename to", to.string());
    }
    return rename_over_own(from, to);
  }

  Result<void> replace(const std::filesystem::path& from,
                       const std::filesystem::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return fail_errno(errno, "cannot replace", to.string());
    return {};
  }

  Result<void> remove(const std::filesystem::path& path) override {
    if (::unlink(path.c_str()) != 0) return fail_errno(errno, "cannot remove", path.string());
    return {};
  }

  Result<void> remove_directory(const std::filesystem::path& path) override {
    if (::rmdir(path.c_str()) != 0) return fail_errno(errno, "cannot remove", path.string());
    return {};
  }

  bool exists(const std::filesystem::path& path) override {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
  }

  Result<void> make_directories(const std::filesystem::path& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return fail_errno(error.value(), "cannot create directory", path.string());
    if (!std::filesystem::is_directory(path, error)) {
      return fail_errno(ENOTDIR, "cannot create directory", path.string());
    }
    return {};
  }

  Result<std::vector<std::string>> list(const std::filesystem::path& path) override {
    std::error_code error;
    std::vector<std::string> names;
    std::filesystem::directory_iterator entries(path, error);
    if (error) return fail_errno(error.value(), "cannot list", path.string());
    for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
      names.push_back(entries->path().filename().string());
    }
    // An iterator that cannot go on is at its end as well.
    if (error) return fail_errno(error.value(), "cannot list", path.string());
    std::ranges::sort(names);
    return names;
  }

  Result<SpaceInfo> space(const std::filesystem::path& path) override {
    struct statfs status {};
    if (::statfs(path.c_str(), &status) != 0) {
      return fail_errno(errno, "cannot ask for the free space of", path.string());
    }
    const std::int64_t block = status.f_frsize > 0 ? status.f_frsize : status.f_bsize;
    SpaceInfo space{.free_bytes = static_cast<std::int64_t>(status.f_bavail) * block,
                    .total_bytes = static_cast<std::int64_t>(status.f_blocks) * block};
    if (status.f_files != 0) space.free_files = static_cast<std::int64_t>(status.f_ffree);
    if (status.f_type == MSDOS_SUPER_MAGIC) space.largest_file_bytes = kLargestFileOfVfat;
    return space;
  }

  Result<MountIdentity> mount_of(const std::filesystem::path& path) override {
    struct statx status {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &status) != 0) {
      return fail_errno(errno, "cannot stat", path.string());
    }
    return MountIdentity{std::uint64_t{status.stx_dev_major} << 32U | status.stx_dev_minor,
                         status.stx_mnt_id};
  }

  Result<void> lock(int fd) override {
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd, F_OFD_SETLK, &whole) == 0) return {};
    if (errno == EACCES || errno == EAGAIN) return fail_errno(EBUSY, "in use by another process");
    return fail_errno(errno, "cannot lock");
  }

 private:
  // Where there are no links either: an empty file of our own, which nobody else can have made,
  // keeps the name free for the moment.
  Result<void> rename_over_own(const std::filesystem::path& from, const std::filesystem::path& to) {
    const int fd = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return fail_errno(errno, "cannot rename to", to.string());
    const UniqueFd placeholder(fd);
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    const int error = errno;
    // A server may have renamed it, and its answer been lost: only what is still ours goes.
    struct stat ours {};
    struct stat there {};
    const bool is_ours = ::fstat(fd, &ours) == 0 && ::lstat(to.c_str(), &there) == 0 &&
                         ours.st_ino == there.st_ino && there.st_size == 0 && exists(from);
    if (is_ours) ::unlink(to.c_str());
    return fail_errno(error, "cannot rename to", to.string());
  }

  static bool allocate(int fd, int mode, std::int64_t offset, std::int64_t bytes) {
    return retried([&] { return ::fallocate(fd, mode, offset, bytes); }) == 0;
  }

  // NFS before 4.2, vfat and others have no fallocate: writing a zero into each block is the same
  // promise.
  static Result<void> reserve_plain(int fd, std::int64_t size_bytes) {
    if (errno != EOPNOTSUPP) return fail_errno(errno, "cannot reserve space");
    int error = 0;
    do {
      error = ::posix_fallocate(fd, 0, size_bytes);
    } while (error == EINTR);
    if (error != 0) return fail_errno(error, "cannot reserve space");
    return {};
  }
};

}  // namespace

FileSystem& system_files() noexcept {
  static SystemFiles files;
  return files;
}

Result<std::string> read_text(FileSystem& files, const std::filesystem::path& path,
                              std::size_t limit_bytes) {
  auto fd = files.open(path, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  std::string text;
  constexpr std::size_t kStep = std::size_t{1} << 16U;
  for (;;) {
    const std::size_t before = text.size();
    text.resize(before + kStep);
    const auto got =
        files.read_at(fd->get(), std::as_writable_bytes(std::span(text).subspan(before)),
                      static_cast<std::int64_t>(before));
    if (!got) return fail_errno(got.error().system_errno, "cannot read", path.string());
    text.resize(before + *got);
    if (text.size() > limit_bytes)
      return fail(ErrorCode::kInvalid, "file is too large:", path.string());
    if (*got < kStep) return text;
  }
}

Result<void> write_new_file(FileSystem& files, const std::filesystem::path& path,
                            std::span<const std::byte> bytes) {
  auto fd = files.open(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return std::unexpected(fd.error());
  if (auto written = files.write_at(fd->get(), bytes, 0); !written) {
    written.error().context = path.string();
    return written;
  }
  return files.sync(fd->get());
}

}  // namespace framelog
