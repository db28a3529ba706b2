#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/unique_fd.hpp"
#include "service/control_socket.hpp"

namespace framelog {

/// A directory for sockets, short enough for their paths.
class SocketDirectory {
 public:
  SocketDirectory() {
    std::string name = "/tmp/framelog-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~SocketDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  SocketDirectory(const SocketDirectory&) = delete;
  SocketDirectory& operator=(const SocketDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// A client that does as it likes. Every wait ends after a minute: only a hang takes so long.
class RawClient {
 public:
  explicit RawClient(const std::filesystem::path& socket) {
    auto connected = connect_to(socket);
    if (connected) socket_ = std::move(*connected);
  }
  [[nodiscard]] bool connected() const noexcept { return socket_.valid(); }
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  /// False when the other side does not take it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno != EAGAIN || !wait(POLLOUT)) {
        return false;
      }
    }
    return true;
  }
  /// What the socket takes without waiting.
  std::size_t send_some(std::string_view bytes) {
    const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  /// The next line; none at the end.
  std::optional<std::string> line() {
    for (;;) {
      if (const std::size_t end = bytes_.find('\n'); end != std::string::npos) {
        std::string line = bytes_.substr(0, end);
        bytes_.erase(0, end + 1);
        return line;
      }
      if (!wait(POLLIN) || !receive()) return std::nullopt;
    }
  }
  std::optional<std::string> ask(std::string_view request) {
    send(std::string(request) + "\n");
    return line();
  }
  /// Whether the other side closes, whatever it says before.
  bool is_closed() {
    while (wait(POLLIN)) {
      if (!receive()) return true;
    }
    return false;
  }
  void close() { socket_.reset(); }
  UniqueFd take_memory() { return std::move(memory_); }

 private:
  bool wait(short events) const {
    pollfd wanted{fd(), events, 0};
    return ::poll(&wanted, 1, 60'000) > 0;
  }
  bool receive() {
    std::array<char, 65536> part{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec into{part.data(), part.size()};
    msghdr header{};
    header.msg_iov = &into;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd(), &header, MSG_CMSG_CLOEXEC);
    if (got <= 0) return false;
    const cmsghdr* rights = CMSG_FIRSTHDR(&header);
    if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(rights), sizeof(received));
      memory_.reset(received);
    }
    bytes_.append(part.data(), static_cast<std::size_t>(got));
    return true;
  }

  UniqueFd socket_;
  UniqueFd memory_;
  std::string bytes_;
};

}  // namespace framelog
