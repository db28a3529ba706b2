#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.hpp"

namespace framelog {

/// Stands where systemd listens: the socket that NOTIFY_SOCKET names, while it lives.
class NotifySocket {
 public:
  struct Message {
    std::string text;
    std::vector<UniqueFd> fds;
  };

  NotifySocket() {
    char directory[] = "/tmp/framelog-notify-XXXXXX";
    directory_ = ::mkdtemp(directory);
    const std::string path = directory_ / "notify";
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    std::filesystem::remove_all(directory_);
  }

  /// The next message; an empty one when none comes within `longest_ms`.
  Message receive(int longest_ms = 20'000) {
    pollfd watched{socket_.get(), POLLIN, 0};
    if (::poll(&watched, 1, longest_ms) <= 0) return {};
    char text[4096];
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
    iovec piece{text, sizeof(text)};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    const ssize_t length = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
    if (length < 0) return {};
    Message message{std::string(text, static_cast<std::size_t>(length)), {}};
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
        message.fds.emplace_back(fd);
      }
    }
    return message;
  }

 private:
  std::filesystem::path directory_;
  UniqueFd socket_;
};

}  // namespace framelog
