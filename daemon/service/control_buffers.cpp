#include "service/control_buffers.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "service/json_rpc.hpp"

namespace framelog {
namespace {

constexpr std::size_t kReadBytes = std::size_t{16} << 10U;

bool would_block(int system_errno) noexcept {
  return system_errno == EAGAIN || system_errno == EWOULDBLOCK || system_errno == EINTR;
}

}  // namespace

InputLines::Fill InputLines::fill(int socket) {
  bytes_.erase(0, taken_);
  searched_ -= taken_;
  taken_ = 0;
  const std::size_t room = std::min(kReadBytes, kMostRpcBytes - bytes_.size());
  if (room == 0) return Fill::kNothing;
  std::array<char, kReadBytes> part{};
  const ssize_t got = ::recv(socket, part.data(), room, 0);
  if (got < 0) return would_block(errno) ? Fill::kNothing : Fill::kEnd;
  if (got == 0) return Fill::kEnd;
  bytes_.append(part.data(), static_cast<std::size_t>(got));
  return Fill::kSome;
}

std::optional<std::string> InputLines::take() {
  const std::size_t end = bytes_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = bytes_.size();
    return std::nullopt;
  }
  std::string line = bytes_.substr(taken_, end - taken_);
  taken_ = end + 1;
  searched_ = taken_;
  return line;
}

bool InputLines::too_long() const noexcept {
  return searched_ == bytes_.size() && bytes_.size() - taken_ >= kMostRpcBytes;
}

bool OutputQueue::push(std::string message, UniqueFd memory) {
  if (!messages_.empty() && bytes_ + message.size() > kMostBytes) return false;
  bytes_ += message.size();
  messages_.push_back({std::move(message), std::move(memory)});
  return true;
}

ssize_t OutputQueue::send(int socket, const Message& message) noexcept {
  iovec part{const_cast<char*>(message.text.data()) + message.sent_bytes,  // NOLINT: iovec's type
             message.text.size() - message.sent_bytes};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (message.memory.valid() && message.sent_bytes == 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = message.memory.get();
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  }
  return ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

OutputQueue::Flush OutputQueue::flush(int socket) {
  while (!messages_.empty()) {
    Message& first = messages_.front();
    const ssize_t sent = send(socket, first);
    if (sent < 0) return would_block(errno) ? Flush::kBlocked : Flush::kGone;
    first.sent_bytes += static_cast<std::size_t>(sent);
    bytes_ -= static_cast<std::size_t>(sent);
    if (first.sent_bytes < first.text.size()) continue;
    messages_.pop_front();
  }
  return Flush::kAll;
}

}  // namespace framelog
