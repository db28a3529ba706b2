#pragma once

#include <chrono>
#include <deque>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command/command_line.hpp"
#include "core/unique_fd.hpp"

namespace framelog {

/// Why nothing came of it: an ExitStatus, and lines for people.
struct ControlFailure {
  int exit_status{};
  std::vector<std::string> lines;
};
/// On standard error. Returns its exit status.
int print_failure(const ControlFailure& failure);

/// An instrument as -i, --config or neither choose it: then it is the only one that runs.
struct ControlTarget {
  std::string instrument;
  std::vector<std::filesystem::path> sockets;  ///< The first that answers.
  std::string group;                           ///< Whose members may control it.
};
[[nodiscard]] std::expected<ControlTarget, ControlFailure> find_target(const CommandLine& line);

struct ControlReply {
  std::string result;  ///< JSON.
  UniqueFd memory;     ///< What came along, if anything.
};

struct ControlNotification {
  std::string method;
  std::string params;  ///< JSON.
};

/// Talks to a running instrument; waits for its answers. Threads: one.
class ControlClient {
 public:
  /// Tries for two seconds where nobody listens: an instrument that restarts is back by then.
  [[nodiscard]] static std::expected<ControlClient, ControlFailure> connect(
      const ControlTarget& target);

  /// `params`: a JSON object.
  [[nodiscard]] std::expected<ControlReply, ControlFailure> call(std::string_view method,
                                                                 std::string_view params,
                                                                 std::chrono::seconds patience);
  /// Waits for what a subscription brings, for as long as it takes or until a signal has come: then
  /// it is empty.
  [[nodiscard]] std::expected<std::optional<ControlNotification>, ControlFailure> next();

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  ControlClient(UniqueFd socket, std::string instrument)
      : socket_(std::move(socket)), instrument_(std::move(instrument)) {}
  [[nodiscard]] std::expected<void, ControlFailure> send(std::string_view message,
                                                         Deadline deadline);
  [[nodiscard]] std::expected<std::optional<std::string>, ControlFailure> read_line(
      std::optional<Deadline> deadline);
  /// False at the end.
  [[nodiscard]] bool receive();
  [[nodiscard]] ControlFailure gone() const;

  UniqueFd socket_;
  std::string instrument_;
  std::string bytes_;
  UniqueFd memory_;
  std::deque<ControlNotification> notifications_;
};

/// Finds the instrument, connects and calls: for commands that ask once.
[[nodiscard]] std::expected<ControlReply, ControlFailure> ask(const CommandLine& line,
                                                              std::string_view method,
                                                              std::string_view params,
                                                              std::chrono::seconds patience);

}  // namespace framelog
