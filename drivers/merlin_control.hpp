#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "drivers/tcp_stream.hpp"

namespace framelog {

/// One visit to a Merlin's control port: connected when it is made, and no longer than it lives,
/// because others want to talk to it as well. It takes 20 s at most. Threads: one.
class MerlinControl {
 public:
  /// Errors: as TcpStream::connect().
  [[nodiscard]] static Result<MerlinControl> visit(const std::string& host, std::uint16_t port);

  /// The value as it is answered. Errors of these: as merlin_refusal(), naming the command; kIo
  /// without an answer.
  [[nodiscard]] Result<std::string> get(std::string_view name);
  [[nodiscard]] Result<void> set(std::string_view name, std::string_view value);
  [[nodiscard]] Result<void> command(std::string_view name);

 private:
  MerlinControl(TcpStream stream, Deadline end) : stream_(std::move(stream)), end_(end) {}

  /// The value of the answer to `body`; other answers before it are passed over.
  [[nodiscard]] Result<std::string> ask(std::string_view verb, std::string_view name,
                                        const std::string& body);
  /// One answer off the front of received_; empty: more has to come.
  [[nodiscard]] std::string take_answer();

  TcpStream stream_;
  Deadline end_;
  std::string received_;
};

}  // namespace framelog
