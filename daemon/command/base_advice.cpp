#include "command/base_advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace framelog {
namespace {

/// The base that an error's path belongs to: what a recorder makes first lies in its .framelog.
std::string base_of(const Error& error) {
  return error.context.substr(0, error.context.find("/.framelog"));
}

bool is_below(std::string_view path, std::string_view directory) {
  return path == directory ||
         (path.starts_with(directory) && path.substr(directory.size()).starts_with('/'));
}

/// Whether the service's ProtectHome= hides it.
bool is_home(std::string_view path) {
  constexpr std::array kHomes{"/home", "/root", "/run/user"};
  return std::ranges::any_of(kHomes, [&](const char* home) { return is_below(path, home); });
}

}  // namespace

std::string base_advice(const Error& error, std::string_view instrument, bool is_service) {
  const bool denied = error.system_errno == EACCES || error.system_errno == EPERM;
  const std::string base = base_of(error);
  if (!is_service || (!denied && error.system_errno != EROFS) || !base.starts_with('/')) {
    return "a directory that can be created and written to, with room";
  }
  if (is_below(base, "/tmp") || is_below(base, "/var/tmp")) {
    return "a directory that outlives the service; this one is private to it";
  }
  const std::string make = fmt::format("install -d -o framelog -g framelog \"{}\"", base);
  if (denied && !is_home(base))
    return fmt::format("the user framelog may not write there: {}", make);
  const std::string drop_in = fmt::format("/etc/systemd/system/framelogd@{}.service.d", instrument);
  return fmt::format(
      "outside of the service's sandbox: {0} && mkdir -p {1} && "
      "printf '[Service]\\n{2}ReadWritePaths=\"{3}\"\\n' >{1}/base.conf && systemctl daemon-reload",
      make, drop_in, is_home(base) ? "ProtectHome=no\\n" : "", base);
}

bool started_by_systemd() noexcept { return std::getenv("INVOCATION_ID") != nullptr; }

}  // namespace framelog
