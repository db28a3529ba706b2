#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "core/unique_fd.hpp"

namespace framelog {

/// What a client has sent, cut into lines. Holds no more than one message may have. Threads: that
/// of the loop.
class InputLines {
 public:
  enum class Fill { kSome, kNothing, kEnd };
  /// Reads once from a socket that does not block. kEnd: nothing more will come.
  [[nodiscard]] Fill fill(int socket);
  /// The next line without its newline.
  [[nodiscard]] std::optional<std::string> take();
  /// The line that has begun is longer than a message may be.
  [[nodiscard]] bool too_long() const noexcept;

 private:
  std::string bytes_;
  std::size_t taken_{};     ///< Before here are lines that were taken.
  std::size_t searched_{};  ///< No newline between there and here.
};

/// What a client has not taken yet. Threads: that of the loop.
class OutputQueue {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{256} << 10U;
  enum class Flush { kAll, kBlocked, kGone };

  /// `memory`, where there is one, goes along. False when there is no room: a single message always
  /// has some.
  [[nodiscard]] bool push(std::string message, UniqueFd memory);
  /// Sends what a socket that does not block takes.
  [[nodiscard]] Flush flush(int socket);
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }

 private:
  struct Message {
    std::string text;
    UniqueFd memory;
    std::size_t sent_bytes{};
  };
  [[nodiscard]] static ssize_t send(int socket, const Message& message) noexcept;

  std::deque<Message> messages_;
  std::size_t bytes_{};
};

}  // namespace framelog
