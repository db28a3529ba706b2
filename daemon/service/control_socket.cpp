#include "service/control_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "core/file_system.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
constexpr int kBacklog = 64;
constexpr mode_t kForEverybody = 0666;

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.empty() || text.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalid, "cannot make a socket",
                fmt::format("{}: its path has {} bytes (allowed: 1 to {})", text, text.size(),
                            sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

UniqueFd make_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

const sockaddr* general(const sockaddr_un& address) noexcept {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Two daemons that start at once must not both take a dead one's socket away. Held for moments.
Result<UniqueFd> lock_directory(const std::filesystem::path& directory) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot open", directory.string());
  for (const auto end = std::chrono::steady_clock::now() + 2s;;) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return fail_errno(errno, "cannot lock", directory.string());
    }
    if (std::chrono::steady_clock::now() > end) {
      return fail(ErrorCode::kBusy, "locked by another process:", directory.string());
    }
    std::this_thread::sleep_for(10ms);
  }
}

/// Removes the socket of a process that is gone.
Result<void> remove_stale(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, "cannot look at", path.string());
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(ErrorCode::kExists, "not a socket:", path.string());
  }
  const auto living = connect_to(path);
  // A full queue belongs to a living process as well.
  if (living || living.error().code == ErrorCode::kBusy) {
    return fail(ErrorCode::kBusy, "in use by a living process:", path.string());
  }
  if (living.error().code != ErrorCode::kDisconnected &&
      living.error().code != ErrorCode::kNotFound) {
    return std::unexpected(living.error());
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail_errno(errno, "cannot remove", path.string());
  }
  return {};
}

/// Whether a socket can be made there; makes its directory.
bool can_be_made(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.parent_path();
  return system_files().make_directories(directory) &&
         ::access(directory.c_str(), W_OK | X_OK) == 0;
}

}  // namespace

std::vector<std::filesystem::path> control_folders() {
  std::vector<std::filesystem::path> folders{"/run/framelogd"};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment.
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/') {
    folders.push_back(std::filesystem::path(runtime) / "framelogd");
  }
  return folders;
}

std::filesystem::path control_path(const std::filesystem::path& folder,
                                   std::string_view instrument) {
  return folder / instrument / "control";
}

std::filesystem::path control_path(const Settings& settings, std::string_view instrument) {
  if (const auto* path = settings.get<std::string>("control", "socket")) return *path;
  if (settings.is_word("control", "socket", "off")) return {};
  for (const auto& folder : control_folders()) {
    const auto path = control_path(folder, instrument);
    if (can_be_made(path)) return path;
  }
  return {};
}

Result<UniqueFd> listen_at(const std::filesystem::path& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  if (auto made = system_files().make_directories(directory); !made) {
    return std::unexpected(made.error());
  }
  const auto lock = lock_directory(directory);
  if (!lock) return std::unexpected(lock.error());
  if (auto removed = remove_stale(path); !removed) return std::unexpected(removed.error());
  UniqueFd socket = make_socket();
  if (!socket.valid()) return fail_errno(errno, "cannot make a socket", path.string());
  if (::bind(socket.get(), general(*address), sizeof(*address)) != 0) {
    return fail_errno(errno, "cannot make a socket", path.string());
  }
  // Who may do what is decided by who it is.
  if (::chmod(path.c_str(), kForEverybody) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return fail_errno(errno, "cannot listen at", path.string());
  }
  return socket;
}

Result<UniqueFd> connect_to(const std::filesystem::path& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  UniqueFd socket = make_socket();
  if (!socket.valid()) return fail_errno(errno, "cannot make a socket", path.string());
  int result = 0;
  do {
    result = ::connect(socket.get(), general(*address), sizeof(*address));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return socket;
  if (errno == ECONNREFUSED) {
    return std::unexpected(
        Error{ErrorCode::kDisconnected, errno, "nobody listens at", path.string()});
  }
  return fail_errno(errno, "cannot connect to", path.string());
}

}  // namespace framelog
