#include "command/control_commands.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/control_client.hpp"
#include "command/instrument.hpp"
#include "command/interrupt.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

constexpr auto kQuick = 30s;
constexpr auto kLong = 3600s;  // A full ring and a slow disk: what is recorded is written first.

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Prints what the instrument says it has done.
int run(const CommandLine& line, std::string_view method, const Json& params,
        std::chrono::seconds patience) {
  const auto reply = ask(line, method, dump(params), patience);
  if (!reply) return print_failure(reply.error());
  if (line.json) {
    std::cout << reply->result << '\n';
  } else {
    std::cout << one_line(Json::parse(reply->result).value("text", "")) << '\n';
  }
  return kExitDone;
}

/// As the C locale writes it, whatever the user's.
std::optional<double> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

void print_event(const std::string& params, bool json) {
  if (json) {
    std::cout << params << std::endl;
    return;
  }
  const Json event = Json::parse(params);
  std::cout << fmt::format("{} {} {}", event.value("utc", ""), one_line(event.value("event", "")),
                           one_line(event.value("text", "")))
            << std::endl;
}

}  // namespace

int start_command(const CommandLine& line) { return run(line, "start", Json::object(), kLong); }
int stop_command(const CommandLine& line) { return run(line, "stop", Json::object(), kLong); }
int trigger_command(const CommandLine& line) {
  return run(line, "trigger", Json::object(), kQuick);
}
int roll_command(const CommandLine& line) { return run(line, "roll", Json::object(), kQuick); }
int reload_command(const CommandLine& line) {
  return run(line, "config.reload", Json::object(), kLong);
}

int mark_command(const CommandLine& line) {
  return run(line, "mark", {{"text", line.operands.front()}}, kQuick);
}

int set_command(const CommandLine& line) {
  const auto value = number_of(line.operands[1]);
  if (!value) {
    std::cerr << fmt::format("framelog: VALUE is {} (allowed: a number such as 21.5 or -3e-4)\n",
                             in_quotes(line.operands[1]));
    return kExitUsage;
  }
  Json params{{"key", line.operands[0]}, {"value", *value}};
  if (line.operands.size() > 2) params["unit"] = line.operands[2];
  return run(line, "set", params, kQuick);
}

int metrics_command(const CommandLine& line) {
  const auto reply = ask(line, "metrics", "{}", kQuick);
  if (!reply) return print_failure(reply.error());
  std::cout << (line.json ? reply->result + "\n" : Json::parse(reply->result).value("text", ""));
  return kExitDone;
}

int events_command(const CommandLine& line) {
  const auto target = find_target(line);
  if (!target) return print_failure(target.error());
  auto client = ControlClient::connect(*target);
  if (!client) return print_failure(client.error());
  end_on_interrupt();
  if (auto subscribed = client->call("subscribe", "{}", kQuick); !subscribed) {
    return print_failure(subscribed.error());
  }
  while (!interrupted()) {
    const auto told = client->next();
    if (!told) return print_failure(told.error());
    if (*told && (*told)->method == "event") print_event((*told)->params, line.json);
    if (!std::cout) return kExitFoundWrong;
  }
  return kExitDone;
}

}  // namespace framelog
