#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "core/event.hpp"
#include "core/result.hpp"
#include "service/control_methods.hpp"

namespace boost::asio {
class io_context;
}

namespace framelog {

struct ControlSettings {
  std::filesystem::path socket;
  std::string group;  ///< Whose members may change things, beside root and this program's user.
  std::chrono::milliseconds idle_timeout{60'000};  ///< Of a client that has not subscribed.
};

/// The control socket: JSON-RPC 2.0, one message a line, to at most 32 clients. What a client does
/// or fails to do costs nobody else anything: its messages are bounded in both directions, a few of
/// them are served per turn of the loop, and what takes long is answered when it is done.
class ControlServer {
 public:
  static constexpr std::size_t kMostClients = 32;
  /// Of these only who may change things gets the last ones.
  static constexpr std::size_t kMostReaders = 24;

  /// Everything happens on the loop's thread. The loop has to exist until no `Done` of the controls
  /// can come any more. Errors: those of listen_at().
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> open(boost::asio::io_context& loop,
                                                                   const ControlSettings& settings,
                                                                   Controls controls);
  /// Threads: that of the loop, or any when the loop does not run. Closes all connections and
  /// removes the socket.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Tells subscribers. Returns at once. Threads: any.
  void publish(const Event& event);

 private:
  class State;
  explicit ControlServer(std::shared_ptr<State> state) noexcept;
  std::shared_ptr<State> state_;
};

}  // namespace framelog
