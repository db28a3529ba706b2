#pragma once

#include <chrono>
#include <memory>

#include "core/event.hpp"
#include "core/unique_fd.hpp"
#include "service/control_methods.hpp"
#include "service/peer.hpp"

namespace boost::asio {
class io_context;
}

namespace framelog {

/// One client of the control socket. Threads: that of the loop.
class ControlConnection {
 public:
  /// `methods` and `loop` are borrowed; `group`: whose members may change things.
  ControlConnection(boost::asio::io_context& loop, ControlMethods& methods, UniqueFd socket,
                    Peer peer, std::string group);
  ~ControlConnection();
  ControlConnection(const ControlConnection&) = delete;
  ControlConnection& operator=(const ControlConnection&) = delete;

  void publish(const Event& event);
  [[nodiscard]] bool closed() const noexcept;
  /// Neither subscribed nor heard of since, and nothing left to answer.
  [[nodiscard]] bool idle_since(std::chrono::steady_clock::time_point when) const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace framelog
