#include "command/status_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <optional>

#include "command/control_client.hpp"
#include "command/instrument.hpp"
#include "command/interrupt.hpp"
#include "command/status_text.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 30s;
constexpr auto kRefresh = 1s;
constexpr const char* kHome = "\x1b[H\x1b[J";

int check(const CommandLine& line) {
  const auto reply = ask(line, "status", "{}", kPatience);
  if (reply) {
    const StatusCheck found = status_check(reply->result);
    std::cout << found.line << '\n';
    return found.exit_status;
  }
  std::string why = reply.error().lines.empty() ? "unknown" : reply.error().lines.front();
  if (why.starts_with("framelog: ")) why = why.substr(std::string_view("framelog: ").size());
  std::cout << fmt::format("FRAMELOG CRITICAL - {}\n", one_line(why));
  return kExitUsage;  // 2, as plugins call it critical.
}

/// Asks the one that runs, or after a restart the next one.
class Watch {
 public:
  explicit Watch(const ControlTarget& target) : target_(target) {}

  std::expected<std::string, ControlFailure> status() {
    for (bool again = client_.has_value();; again = false) {
      if (!client_) {
        auto connected = ControlClient::connect(target_);
        if (!connected) return std::unexpected(connected.error());
        client_ = std::move(*connected);
      }
      auto reply = client_->call("status", "{}", kPatience);
      if (reply) return std::move(reply->result);
      client_.reset();
      if (!again) return std::unexpected(reply.error());
    }
  }

 private:
  ControlTarget target_;
  std::optional<ControlClient> client_;
};

int watch(const CommandLine& line) {
  const auto target = find_target(line);
  if (!target) return print_failure(target.error());
  end_on_interrupt();
  const bool redraws = ::isatty(STDOUT_FILENO) == 1 && !line.json;
  Watch watched(*target);
  while (!interrupted()) {
    const auto status = watched.status();
    if (interrupted()) break;
    if (!status) return print_failure(status.error());
    if (redraws) std::cout << kHome;
    std::cout << (line.json ? *status + "\n" : status_text(*status));
    if (!redraws && !line.json) std::cout << '\n';
    std::cout.flush();
    if (!std::cout) return kExitFoundWrong;
    wait_unless_interrupted(kRefresh);
  }
  return kExitDone;
}

}  // namespace

int status_command(const CommandLine& line) {
  if (line.check) return check(line);
  if (line.watch) return watch(line);
  const auto reply = ask(line, "status", "{}", kPatience);
  if (!reply) return print_failure(reply.error());
  std::cout << (line.json ? reply->result + "\n" : status_text(reply->result));
  return kExitDone;
}

}  // namespace framelog
