#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/unique_fd.hpp"

struct addrinfo;

namespace framelog {

struct FreeAddresses {
  void operator()(addrinfo* addresses) const noexcept;
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// Resolves names of hosts, and waits no longer than it may. The resolver itself knows neither a
/// deadline nor an end from outside, and takes up to half a minute where no name server answers: it
/// runs in a thread of its own, which is left alone when it takes too long. The next call for the
/// same host waits for it further, so that there is never more than one. Threads: one.
class HostLookup {
 public:
  /// As getaddrinfo(): its error, or 0 and the addresses. Threads: any.
  using Resolver = int (*)(const std::string& host, const std::string& port, int flags,
                           Addresses& addresses);
  static int resolve(const std::string& host, const std::string& port, int flags,
                     Addresses& addresses);

  explicit HostLookup(Resolver resolver = resolve) noexcept : resolver_(resolver) {}

  /// Addresses as they are written need no resolver. `cancelled` is an eventfd. Errors: kNotFound
  /// (no such host), kTimeout (past the deadline or cancelled), kNoMemory (no thread).
  [[nodiscard]] Result<Addresses> find(const std::string& host, std::uint16_t port,
                                       const UniqueFd& cancelled, Deadline deadline);

  struct Work;

 private:
  Resolver resolver_;
  std::shared_ptr<Work> pending_;  // Shared with its thread, which may outlive this.
};

}  // namespace framelog
