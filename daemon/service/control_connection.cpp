#include "service/control_connection.hpp"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "service/control_buffers.hpp"
#include "service/json_rpc.hpp"

namespace framelog {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
using SteadyClock = std::chrono::steady_clock;

constexpr int kRequestsPerTurn = 4;
constexpr int kMostPending = 16;  // Requests of one client that are not answered yet.
// A client that asks faster than it reads is served again when it has read.
constexpr std::size_t kMuchOutputBytes = std::size_t{64} << 10U;

}  // namespace

/// Handlers of the loop share it; closed, they find nothing to do.
struct ControlConnection::State : std::enable_shared_from_this<State> {
  State(asio::io_context& its_loop, ControlMethods& its_methods, Peer its_peer,
        std::string its_group)
      : loop(its_loop),
        methods(&its_methods),
        socket(its_loop),
        timer(its_loop),
        peer(std::move(its_peer)),
        group(std::move(its_group)) {}

  void wait_for_input();
  void on_input();
  void serve();
  void serve_later();
  [[nodiscard]] bool has_its_hands_full() const noexcept;
  void handle(std::string_view line);
  void answer(const std::string& id, std::expected<MethodReply, RpcError> reply);
  void subscribe(Subscription wanted);
  void send_rates();
  void send(std::string message, UniqueFd memory = UniqueFd());
  void flush();
  void finish();
  void close();
  [[nodiscard]] int fd() { return socket.native_handle(); }
  /// Whether all that was sent has been read: frames in flight hold memory.
  [[nodiscard]] bool is_read() {
    int unread = 0;
    return output.empty() && ::ioctl(fd(), SIOCOUTQ, &unread) == 0 && unread == 0;
  }

  asio::io_context& loop;
  ControlMethods* methods;  ///< Null when closed.
  Protocol::socket socket;
  asio::steady_timer timer;
  Peer peer;
  std::string group;
  InputLines input;
  OutputQueue output;
  std::optional<Subscription> subscription;
  SteadyClock::time_point active{SteadyClock::now()};
  int pending{};
  bool waits_for_input{};
  bool waits_for_output{};
  bool serves_later{};
  bool ended{};      ///< The client sends nothing more.
  bool finishing{};  ///< To be closed when the client has what was sent.
};

void ControlConnection::State::wait_for_input() {
  if (waits_for_input || ended || methods == nullptr) return;
  waits_for_input = true;
  socket.async_wait(Protocol::socket::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      self->waits_for_input = false;
                      if (!error && self->methods != nullptr) self->on_input();
                    });
}

void ControlConnection::State::on_input() {
  active = SteadyClock::now();
  if (input.fill(fd()) == InputLines::Fill::kEnd) ended = true;
  serve();
}

void ControlConnection::State::serve_later() {
  if (std::exchange(serves_later, true)) return;
  asio::post(loop, [self = shared_from_this()] {
    self->serves_later = false;
    self->serve();
  });
}

bool ControlConnection::State::has_its_hands_full() const noexcept {
  return pending >= kMostPending || output.bytes() > kMuchOutputBytes;
}

void ControlConnection::State::serve() {
  for (int turn = 0; methods != nullptr && !finishing; ++turn) {
    if (has_its_hands_full()) return;
    if (turn == kRequestsPerTurn) return serve_later();
    const auto line = input.take();
    if (line) {
      handle(*line);
    } else if (input.too_long()) {
      send(rpc_response("null",
                        {RpcCode::kParseError,
                         fmt::format("a message is too long (allowed: {} bytes)", kMostRpcBytes),
                         {}}));
      return finish();
    } else if (ended) {
      if (pending == 0) finish();
      return;
    } else {
      return wait_for_input();
    }
  }
}

void ControlConnection::State::handle(std::string_view line) {
  auto request = parse_request(line);
  if (!request) return send(rpc_response(request.error().id, request.error().error));
  if (request->method == "grab" && !is_read()) {
    return answer(request->id,
                  std::unexpected(RpcError{
                      RpcCode::kWrongState, "grab: earlier answers have not been read yet", {}}));
  }
  ++pending;
  const Caller caller{[this] { return peer.name(); }, [this] { return peer.may_change(group); }};
  methods->call(*request, caller,
                [weak = weak_from_this(), id = request->id,
                 executor = loop.get_executor()](std::expected<MethodReply, RpcError> reply) {
                  auto kept =
                      std::make_shared<std::expected<MethodReply, RpcError>>(std::move(reply));
                  asio::post(executor, [weak, id, kept] {
                    const auto self = weak.lock();
                    if (!self || self->methods == nullptr) return;
                    --self->pending;
                    self->answer(id, std::move(*kept));
                    self->serve_later();
                  });
                });
}

void ControlConnection::State::answer(const std::string& id,
                                      std::expected<MethodReply, RpcError> reply) {
  active = SteadyClock::now();
  if (reply && reply->subscription) subscribe(std::move(*reply->subscription));
  if (id.empty()) return;  // A notification.
  if (!reply) return send(rpc_response(id, reply.error()));
  send(rpc_response(id, reply->result), std::move(reply->memory));
}

void ControlConnection::State::subscribe(Subscription wanted) {
  subscription = std::move(wanted);
  timer.cancel();
  if (subscription->rates) asio::post(loop, [self = shared_from_this()] { self->send_rates(); });
}

void ControlConnection::State::send_rates() {
  if (methods == nullptr || !subscription || !subscription->rates) return;
  send(rpc_notification("status", methods->status()));
  timer.expires_after(*subscription->rates);
  timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->send_rates();
  });
}

void ControlConnection::State::send(std::string message, UniqueFd memory) {
  if (methods == nullptr) return;
  if (!output.push(std::move(message), std::move(memory))) return close();
  if (!waits_for_output) flush();
}

void ControlConnection::State::flush() {
  switch (output.flush(fd())) {
    case OutputQueue::Flush::kGone:
      return close();
    case OutputQueue::Flush::kAll:
      if (finishing) close();
      return;
    case OutputQueue::Flush::kBlocked:
      break;
  }
  waits_for_output = true;
  socket.async_wait(Protocol::socket::wait_write,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      self->waits_for_output = false;
                      if (error || self->methods == nullptr) return;
                      self->active = SteadyClock::now();
                      self->flush();
                      self->serve();
                    });
}

void ControlConnection::State::finish() {
  finishing = true;
  subscription.reset();
  timer.cancel();
  if (output.empty()) close();
}

void ControlConnection::State::close() {
  if (std::exchange(methods, nullptr) == nullptr) return;
  boost::system::error_code ignored;
  timer.cancel();
  socket.close(ignored);
}

ControlConnection::ControlConnection(asio::io_context& loop, ControlMethods& methods,
                                     UniqueFd socket, Peer peer, std::string group)
    : state_(std::make_shared<State>(loop, methods, std::move(peer), std::move(group))) {
  boost::system::error_code error;
  state_->socket.assign(Protocol(), socket.get(), error);
  if (error) {
    state_->close();
    return;
  }
  static_cast<void>(socket.release());
  state_->wait_for_input();
}

ControlConnection::~ControlConnection() { state_->close(); }

void ControlConnection::publish(const Event& event) {
  if (state_->subscription && state_->subscription->wants(event)) {
    state_->send(rpc_notification("event", event_json(event)));
  }
}

bool ControlConnection::closed() const noexcept { return state_->methods == nullptr; }

bool ControlConnection::idle_since(std::chrono::steady_clock::time_point when) const noexcept {
  return !state_->subscription && state_->pending == 0 && state_->active < when;
}

}  // namespace framelog
