#include "command/control_client.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "command/instrument.hpp"
#include "core/text.hpp"
#include "service/control_socket.hpp"
#include "service/json_rpc.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kPatience = 2s;
constexpr auto kBetweenTries = 50ms;
constexpr std::size_t kLongestLineBytes = std::size_t{16} << 20U;

std::unexpected<ControlFailure> failed(int exit_status, std::string_view text) {
  return std::unexpected(ControlFailure{exit_status, {fmt::format("framelog: {}", text)}});
}

int exit_status_of(RpcCode code) {
  switch (code) {
    case RpcCode::kNotAllowed:
      return kExitDenied;
    case RpcCode::kInvalidParams:
    case RpcCode::kUnknownMethod:
    case RpcCode::kRefused:
      return kExitUsage;
    default:
      return kExitFoundWrong;
  }
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What the other side refuses: its lines, or else its sentence.
ControlFailure failure_of(const Json& error) {
  const int code = error.value("code", 0);
  ControlFailure failure{exit_status_of(static_cast<RpcCode>(code)), {}};
  const auto data = error.find("data");
  if (data != error.end() && data->is_array()) {
    for (const Json& line : *data) {
      if (line.is_string()) failure.lines.push_back(line.get<std::string>());
    }
  }
  if (failure.lines.empty()) {
    failure.lines.push_back("framelog: " + error.value("message", std::string("refused")));
  }
  return failure;
}

/// Whether the socket is ready for `events`. False: the deadline has passed, or a signal came.
bool wait_for(int fd, short events, std::optional<SteadyClock::time_point> deadline) {
  int patience_ms = -1;
  if (deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - SteadyClock::now());
    patience_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
  }
  pollfd wanted{fd, events, 0};
  return ::poll(&wanted, 1, patience_ms) > 0;
}

UniqueFd memory_in(msghdr& header) {
  UniqueFd memory;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof(fd));
    memory.reset(fd);
  }
  return memory;
}

std::unexpected<ControlFailure> not_running(const ControlTarget& target) {
  std::vector<std::string> places;
  for (const auto& socket : target.sockets) places.push_back(socket.string());
  return failed(kExitNotRunning, fmt::format("instrument {} is not running (nobody listens at {})",
                                             target.instrument, fmt::join(places, " or ")));
}

}  // namespace

std::expected<ControlClient, ControlFailure> ControlClient::connect(const ControlTarget& target) {
  for (const auto end = SteadyClock::now() + kPatience;;) {
    for (const auto& path : target.sockets) {
      auto socket = connect_to(path);
      if (socket) return ControlClient(std::move(*socket), target.instrument);
      if (socket.error().code == ErrorCode::kDenied) {
        return failed(kExitDenied,
                      fmt::format("{} (the group {} may; join it with: adduser NAME {}, as root)",
                                  describe(socket.error()), target.group, target.group));
      }
      if (socket.error().code == ErrorCode::kInvalid) {
        return failed(kExitUsage, describe(socket.error()));
      }
    }
    if (SteadyClock::now() >= end) return not_running(target);
    std::this_thread::sleep_for(kBetweenTries);
  }
}

ControlFailure ControlClient::gone() const {
  return {kExitNotRunning,
          {fmt::format("framelog: instrument {} has closed the connection", instrument_)}};
}

std::expected<void, ControlFailure> ControlClient::send(std::string_view message,
                                                        Deadline deadline) {
  while (!message.empty()) {
    const ssize_t sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      message.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return {};  // What it has said before it closed is still to be read.
    } else if (!wait_for(socket_.get(), POLLOUT, deadline) && SteadyClock::now() >= deadline) {
      return failed(kExitFoundWrong, fmt::format("instrument {} does not listen", instrument_));
    }
  }
  return {};
}

bool ControlClient::receive() {
  std::array<char, 65536> part{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec into{part.data(), part.size()};
  msghdr header{};
  header.msg_iov = &into;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  if (UniqueFd memory = memory_in(header); memory.valid()) memory_ = std::move(memory);
  bytes_.append(part.data(), static_cast<std::size_t>(got));
  return true;
}

std::expected<std::optional<std::string>, ControlFailure> ControlClient::read_line(
    std::optional<Deadline> deadline) {
  for (;;) {
    if (const std::size_t end = bytes_.find('\n'); end != std::string::npos) {
      std::string line = bytes_.substr(0, end);
      bytes_.erase(0, end + 1);
      return line;
    }
    if (bytes_.size() > kLongestLineBytes) {
      return failed(kExitFoundWrong, fmt::format("instrument {}: an endless answer", instrument_));
    }
    if (!wait_for(socket_.get(), POLLIN, deadline)) {
      if (!deadline || SteadyClock::now() >= *deadline) return std::nullopt;
      continue;
    }
    if (!receive()) return std::unexpected(gone());
  }
}

std::expected<ControlReply, ControlFailure> ControlClient::call(std::string_view method,
                                                                std::string_view params,
                                                                std::chrono::seconds patience) {
  const Deadline deadline = SteadyClock::now() + patience;
  const std::string message = fmt::format(
      "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\",\"params\":{}}}\n", method, params);
  if (message.size() > kMostRpcBytes) {
    return failed(kExitUsage, fmt::format("{} with {} bytes (allowed: {})", method, message.size(),
                                          kMostRpcBytes));
  }
  if (auto sent = send(message, deadline); !sent) return std::unexpected(sent.error());
  for (;;) {
    auto line = read_line(deadline);
    if (!line) return std::unexpected(line.error());
    if (!*line) {
      return failed(kExitFoundWrong, fmt::format("instrument {} gives no answer within {} s",
                                                 instrument_, patience.count()));
    }
    const Json json = Json::parse(**line, nullptr, false);
    if (!json.is_object()) {
      return failed(kExitFoundWrong, fmt::format("instrument {} answers what is not JSON-RPC: {}",
                                                 instrument_, in_quotes(**line)));
    }
    if (json.contains("error")) return std::unexpected(failure_of(json["error"]));
    if (json.contains("result")) return ControlReply{dump(json["result"]), std::move(memory_)};
    notifications_.push_back(
        {json.value("method", std::string()), dump(json.value("params", Json::object()))});
  }
}

std::expected<std::optional<ControlNotification>, ControlFailure> ControlClient::next() {
  if (notifications_.empty()) {
    auto line = read_line(std::nullopt);
    if (!line) return std::unexpected(line.error());
    if (!*line) return std::nullopt;
    const Json json = Json::parse(**line, nullptr, false);
    if (!json.is_object()) {
      return failed(kExitFoundWrong, fmt::format("instrument {} says what is not JSON-RPC: {}",
                                                 instrument_, in_quotes(**line)));
    }
    notifications_.push_back(
        {json.value("method", std::string()), dump(json.value("params", Json::object()))});
  }
  ControlNotification first = std::move(notifications_.front());
  notifications_.pop_front();
  return first;
}

std::expected<ControlReply, ControlFailure> ask(const CommandLine& line, std::string_view method,
                                                std::string_view params,
                                                std::chrono::seconds patience) {
  const auto target = find_target(line);
  if (!target) return std::unexpected(target.error());
  auto client = ControlClient::connect(*target);
  if (!client) return std::unexpected(client.error());
  return client->call(method, params, patience);
}

}  // namespace framelog
