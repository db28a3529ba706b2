#include "service/control_server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "core/log.hpp"
#include "service/control_connection.hpp"
#include "service/control_socket.hpp"
#include "service/json_rpc.hpp"

namespace framelog {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Protocol = asio::local::stream_protocol;

constexpr int kAcceptsPerTurn = 4;
constexpr int kMostEventsWaiting = 1024;

/// Which file a path leads to, so that only our own socket is removed in the end.
std::pair<dev_t, ino_t> identity_of(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino};
}

void turn_away(int socket) {
  const std::string message =
      rpc_response("null", {RpcCode::kInternal, "too many clients (allowed: 32)", {}});
  static_cast<void>(::send(socket, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace

/// Handlers of the loop share it; stopped, they find nothing to do.
class ControlServer::State : public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& loop, ControlSettings settings, Controls controls)
      : loop_(loop),
        acceptor_(loop),
        tick_(loop),
        settings_(std::move(settings)),
        methods_(std::move(controls), settings_.group) {}

  Result<void> begin(UniqueFd listener) {
    boost::system::error_code error;
    acceptor_.assign(Protocol(), listener.get(), error);
    if (error) return fail_errno(error.value(), "cannot listen at", settings_.socket.string());
    static_cast<void>(listener.release());
    identity_ = identity_of(settings_.socket);
    wait_for_client();
    wait_for_tick();
    return {};
  }

  void stop() {
    stopped_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    tick_.cancel();
    clients_.clear();
    if (identity_ == identity_of(settings_.socket)) ::unlink(settings_.socket.c_str());
  }

  void publish(const Event& event) {
    if (events_waiting_.fetch_add(1, std::memory_order_relaxed) >= kMostEventsWaiting) {
      events_waiting_.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    asio::post(loop_, [self = shared_from_this(), event] {
      self->events_waiting_.fetch_sub(1, std::memory_order_relaxed);
      for (const auto& client : self->clients_) client->publish(event);
    });
  }

 private:
  void wait_for_client() {
    acceptor_.async_wait(Protocol::acceptor::wait_read,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           if (self->stopped_) return;
                           // Without descriptors the tick tries again.
                           if (!error && self->accept_some()) return self->wait_for_client();
                           self->accepts_at_tick_ = true;
                         });
  }

  /// False when it cannot go on at present.
  bool accept_some() {
    for (int turn = 0; turn < kAcceptsPerTurn; ++turn) {
      UniqueFd socket(
          ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket.valid()) {
        admit(std::move(socket));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return true;
      } else if (errno != EINTR && errno != ECONNABORTED) {
        return false;
      }
    }
    return true;
  }

  void admit(UniqueFd socket) {
    forget_closed();
    auto peer = Peer::of(socket.get());
    if (!peer) return;
    const bool full = clients_.size() >= kMostClients;
    if (full || (clients_.size() >= kMostReaders && !peer->may_change(settings_.group))) {
      return turn_away(socket.get());
    }
    clients_.push_back(std::make_unique<ControlConnection>(loop_, methods_, std::move(socket),
                                                           std::move(*peer), settings_.group));
  }

  void forget_closed() {
    std::erase_if(clients_, [](const auto& client) { return client->closed(); });
  }

  void wait_for_tick() {
    tick_.expires_after(1s);
    tick_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->stopped_) return;
      self->on_tick();
      self->wait_for_tick();
    });
  }

  void on_tick() {
    methods_.look();
    const auto when = std::chrono::steady_clock::now() - settings_.idle_timeout;
    std::erase_if(clients_, [&](const auto& client) { return client->idle_since(when); });
    forget_closed();
    if (std::exchange(accepts_at_tick_, false)) wait_for_client();
  }

  asio::io_context& loop_;
  Protocol::acceptor acceptor_;
  asio::steady_timer tick_;
  ControlSettings settings_;
  ControlMethods methods_;
  std::vector<std::unique_ptr<ControlConnection>> clients_;
  std::pair<dev_t, ino_t> identity_;
  std::atomic<int> events_waiting_{0};
  bool accepts_at_tick_{};
  bool stopped_{};
};

ControlServer::ControlServer(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
ControlServer::~ControlServer() { state_->stop(); }

Result<std::unique_ptr<ControlServer>> ControlServer::open(asio::io_context& loop,
                                                           const ControlSettings& settings,
                                                           Controls controls) {
  auto listener = listen_at(settings.socket);
  if (!listener) return std::unexpected(std::move(listener.error()));
  auto state = std::make_shared<State>(loop, settings, std::move(controls));
  if (auto begun = state->begin(std::move(*listener)); !begun) {
    return std::unexpected(std::move(begun.error()));
  }
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

void ControlServer::publish(const Event& event) { state_->publish(event); }

}  // namespace framelog
