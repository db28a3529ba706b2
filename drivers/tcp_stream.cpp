#include "drivers/tcp_stream.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "drivers/wait_for_input.hpp"

namespace framelog {
namespace {

constexpr int kIdleSeconds = 5;
constexpr int kProbeSeconds = 3;
constexpr int kProbes = 3;
constexpr int kUnansweredMs = 15'000;

template <class Value>
void set_option(int fd, int level, int name, Value value) noexcept {
  // What the kernel does not take leaves a connection that works, only less well.
  static_cast<void>(::setsockopt(fd, level, name, &value, sizeof(value)));
}

std::int64_t number_in(const char* path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  std::int64_t last = 0;
  while (file >> number) last = number;
  return last;
}

}  // namespace

int TcpStream::make_event() noexcept { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/// Before it is connected: the buffer's size decides how much the peer is told that it may send.
void TcpStream::prepare(int fd) const noexcept {
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kIdleSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kProbeSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUnansweredMs);
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (receive_buffer_bytes_ <= 0) return;
  const int bytes = static_cast<int>(std::min<std::int64_t>(receive_buffer_bytes_, 1 << 30));
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0) return;
  // A size that is set ends the kernel's own growing, up to the last number of tcp_rmem.
  const std::int64_t most = number_in("/proc/sys/net/core/rmem_max");
  if (most > number_in("/proc/sys/net/ipv4/tcp_rmem")) {
    set_option(fd, SOL_SOCKET, SO_RCVBUF, static_cast<int>(std::min<std::int64_t>(most, bytes)));
  }
}

Result<void> TcpStream::connect(const std::string& host, std::uint16_t port, Deadline deadline) {
  close();
  if (!cancelled_.valid()) return fail_errno(EMFILE, "cannot make an eventfd");
  const std::string where = fmt::format("{}:{}", host, port);
  // What was to be cancelled was before.
  eventfd_t ignored = 0;
  static_cast<void>(::eventfd_read(cancelled_.get(), &ignored));
  const auto addresses = lookup_.find(host, port, cancelled_, deadline);
  if (!addresses) return std::unexpected(addresses.error());
  std::ptrdiff_t left = 0;
  for (const addrinfo* each = addresses->get(); each != nullptr; each = each->ai_next) ++left;
  Result<void> connected = fail(ErrorCode::kNotFound, "the host has no address", where);
  for (const addrinfo* address = addresses->get(); address != nullptr; address = address->ai_next) {
    UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) {
      connected = fail_errno(errno, "cannot make a socket");
      --left;
      continue;
    }
    prepare(fd.get());
    connected = {};
    // One that does not answer leaves time for the others.
    const auto now = std::chrono::steady_clock::now();
    const Deadline share = now + std::max(deadline - now, Deadline::duration::zero()) / left--;
    if (::connect(fd.get(), address->ai_addr, address->ai_addrlen) != 0) {
      connected = errno == EINPROGRESS ? finish_connecting(fd, share)
                                       : fail_errno(errno, "cannot connect to");
    }
    if (connected) {
      socket_ = std::move(fd);
      return {};
    }
  }
  Error error = connected.error();
  error.context = where;
  if (error.system_errno == ECONNREFUSED || error.system_errno == EHOSTUNREACH ||
      error.system_errno == ENETUNREACH) {
    error.code = ErrorCode::kNotFound;
  }
  return std::unexpected(std::move(error));
}

Result<void> TcpStream::finish_connecting(const UniqueFd& fd, Deadline deadline) noexcept {
  if (auto waited = wait_for_output(fd, cancelled_, deadline); !waited) {
    return fail(ErrorCode::kTimeout, "no answer when connecting to");
  }
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail_errno(error, "cannot connect to");
  return {};
}

std::unexpected<Error> TcpStream::lost(int system_errno) noexcept {
  close();
  if (system_errno == 0) return fail(ErrorCode::kDisconnected, "the connection was closed");
  return std::unexpected(
      Error{ErrorCode::kDisconnected, system_errno, "the connection was lost", {}});
}

Result<std::size_t> TcpStream::receive(std::array<std::span<std::byte>, 2> spaces,
                                       Deadline deadline) noexcept {
  if (!is_connected()) return fail(ErrorCode::kDisconnected, "there is no connection");
  std::array<iovec, 2> pieces{};
  for (std::size_t i = 0; i < spaces.size(); ++i) pieces[i] = {spaces[i].data(), spaces[i].size()};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  for (;;) {
    const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) return lost(0);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return lost(errno);
    if (auto waited = wait_for_input(socket_, cancelled_, deadline); !waited) {
      return std::unexpected(std::move(waited.error()));
    }
  }
}

Result<void> TcpStream::send(std::string_view bytes, Deadline deadline) noexcept {
  if (!is_connected()) return fail(ErrorCode::kDisconnected, "there is no connection");
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto waited = wait_for_output(socket_, cancelled_, deadline); !waited) return waited;
    } else if (errno != EINTR) {
      return lost(errno);
    }
  }
  return {};
}

void TcpStream::cancel() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(cancelled_.get(), &one, sizeof(one)));
}

}  // namespace framelog
