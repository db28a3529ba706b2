#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <system_error>

#include "command/control_client.hpp"
#include "command/instrument.hpp"
#include "core/text.hpp"
#include "service/control_socket.hpp"

namespace framelog {
namespace {

constexpr const char* kDefaultGroup = "framelog";

std::vector<std::filesystem::path> default_sockets(const std::string& instrument) {
  std::vector<std::filesystem::path> sockets;
  for (const auto& folder : control_folders()) sockets.push_back(control_path(folder, instrument));
  return sockets;
}

std::unexpected<ControlFailure> usage(std::string text) {
  return std::unexpected(ControlFailure{kExitUsage, {"framelog: " + std::move(text)}});
}

/// What a configuration says about its socket, whatever else may be wrong with it: the instrument
/// runs with an earlier one.
std::expected<ControlTarget, ControlFailure> target_of(const CommandLine& line) {
  const auto tables = all_options();
  const Configuration configuration = load_configuration(line.config, line.overrides, tables);
  if (configuration.instrument.empty() || ::access(line.config.c_str(), R_OK) != 0) {
    return std::unexpected(ControlFailure{kExitUsage, configuration.errors});
  }
  ControlTarget target{configuration.instrument, {}, kDefaultGroup};
  const Settings& settings = configuration.settings;
  if (const auto* group = settings.get<std::string>("control", "group")) target.group = *group;
  if (settings.is_word("control", "socket", "off")) {
    return usage(settings.place(
        {"control", "socket", "off: this instrument cannot be controlled (a path, or nothing)"}));
  }
  if (const auto* path = settings.get<std::string>("control", "socket")) {
    target.sockets = {*path};
  } else {
    target.sockets = default_sockets(target.instrument);
  }
  return target;
}

/// Somebody listens, or we may not know.
bool is_running(const std::filesystem::path& socket) {
  const auto connected = connect_to(socket);
  return connected || connected.error().code == ErrorCode::kDenied ||
         connected.error().code == ErrorCode::kBusy;
}

/// Every instrument that runs at one of the places where they are by default.
std::vector<ControlTarget> running() {
  std::vector<ControlTarget> found;
  for (const auto& folder : control_folders()) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      const auto socket = control_path(folder, name);
      const bool known = std::ranges::find(found, name, &ControlTarget::instrument) != found.end();
      if (!known && is_running(socket)) found.push_back({name, {socket}, kDefaultGroup});
    }
  }
  std::ranges::sort(found, {}, &ControlTarget::instrument);
  return found;
}

std::expected<ControlTarget, ControlFailure> the_only_one() {
  std::vector<ControlTarget> all = running();
  if (all.size() == 1) return std::move(all.front());
  if (all.empty()) {
    return std::unexpected(ControlFailure{
        kExitNotRunning,
        {"framelog: no instrument is running (or choose one: -i NAME, --config FILE)"}});
  }
  std::vector<std::string> names;
  for (const ControlTarget& target : all) names.push_back(one_line(target.instrument));
  return usage(fmt::format("several instruments are running: {} (choose one: -i NAME)",
                           fmt::join(names, ", ")));
}

}  // namespace

int print_failure(const ControlFailure& failure) {
  std::cout.flush();
  for (const std::string& line : failure.lines) std::cerr << one_line(line) << '\n';
  return failure.exit_status;
}

std::expected<ControlTarget, ControlFailure> find_target(const CommandLine& line) {
  if (line.config.empty()) return the_only_one();
  const bool readable = ::access(line.config.c_str(), R_OK) == 0;
  if (line.instrument.empty() || readable) return target_of(line);
  return ControlTarget{line.instrument, default_sockets(line.instrument), kDefaultGroup};
}

}  // namespace framelog
