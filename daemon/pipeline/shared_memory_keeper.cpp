#include "pipeline/shared_memory_keeper.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/crc32c.hpp"
#include "core/file_system.hpp"
#include "core/log.hpp"
#include "pipeline/ring_memory.hpp"

namespace framelog {
namespace {

/// Two daemons of one configuration and different bases are rare; so many at once are none.
constexpr int kMostRings = 8;

std::string name_of(const std::string& instrument, const std::filesystem::path& configuration) {
  std::error_code error;
  std::string where = std::filesystem::weakly_canonical(configuration, error).string();
  if (error) where = configuration.string();
  return fmt::format("framelogd-{}-{}-{:08x}", ::geteuid(), instrument,
                     crc32c(std::as_bytes(std::span(where))));
}

bool is_ours(const UniqueFd& file) {
  struct stat about {};
  return ::fstat(file.get(), &about) == 0 && S_ISREG(about.st_mode) &&
         about.st_uid == ::geteuid() && about.st_nlink > 0;
}

bool same_file(const UniqueFd& a, const UniqueFd& b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a.get(), &first) == 0 && ::fstat(b.get(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

std::filesystem::path numbered(const std::filesystem::path& directory, const std::string& name,
                               int number) {
  return directory / (number == 1 ? name : fmt::format("{}-{}", name, number));
}

}  // namespace

SharedMemoryKeeper::SharedMemoryKeeper(const std::string& instrument,
                                       const std::filesystem::path& configuration,
                                       std::filesystem::path directory)
    : directory_(std::move(directory)),
      name_(framelog::name_of(instrument, configuration)),
      place_((directory_ / name_).string()) {}

std::vector<UniqueFd> SharedMemoryKeeper::left_behind() {
  std::vector<UniqueFd> found;
  for (int number = 1; number <= kMostRings; ++number) {
    const auto path = numbered(directory_, name_, number);
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.valid() || !is_ours(file)) continue;
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (is_ours(file)) found.push_back(std::move(file));  // Not removed while we waited.
  }
  return found;
}

Result<UniqueFd> SharedMemoryKeeper::make(std::uint64_t bytes) {
  auto file = make_file(bytes);
  if (file) return file;
  log(LogLevel::kWarning,
      fmt::format("{}; what is not yet written will die with this process when it is killed",
                  describe(file.error())));
  return make_memory(bytes);
}

/// It has a name only when it is whole and locked, so that nobody takes it for one that was left.
Result<UniqueFd> SharedMemoryKeeper::make_file(std::uint64_t bytes) {
  UniqueFd file(::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid() || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail_errno(errno, "cannot keep the ring in", directory_.string());
  }
  if (auto filled = fill_memory(file, bytes); !filled) {
    Error error = filled.error();
    error.context += " in " + directory_.string();
    return std::unexpected(std::move(error));
  }
  const std::string unnamed = fmt::format("/proc/self/fd/{}", file.get());
  for (int number = 1; number <= kMostRings; ++number) {
    const auto path = numbered(directory_, name_, number);
    if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      return file;
    }
    if (errno != EEXIST) return fail_errno(errno, "cannot keep the ring as", path.string());
  }
  return fail(ErrorCode::kExists, "cannot keep the ring: too many others of this name:", place_);
}

void SharedMemoryKeeper::forget(const UniqueFd& memory) {
  for (int number = 1; number <= kMostRings; ++number) {
    const auto path = numbered(directory_, name_, number);
    const UniqueFd file(::open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
    if (file.valid() && same_file(file, memory)) ::unlink(path.c_str());
  }
}

}  // namespace framelog
