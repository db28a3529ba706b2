#include "drivers/host_lookup.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <system_error>
#include <thread>
#include <utility>

#include "drivers/wait_for_input.hpp"

namespace framelog {
void FreeAddresses::operator()(addrinfo* addresses) const noexcept { ::freeaddrinfo(addresses); }

int HostLookup::resolve(const std::string& host, const std::string& port, int flags,
                        Addresses& addresses) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error == 0) addresses.reset(found);
  return error;
}

struct HostLookup::Work {
  std::string host;
  std::string port;
  UniqueFd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  // Written before `is_done` and then `done` are, and read behind them.
  int error{};
  Addresses addresses;
  std::atomic<bool> is_done{false};  // An event orders no memory for the compiler.
};

Result<Addresses> HostLookup::find(const std::string& host, std::uint16_t port,
                                   const UniqueFd& cancelled, Deadline deadline) {
  const std::string service = std::to_string(port);
  Addresses written;
  if (resolver_(host, service, AI_NUMERICHOST, written) == 0) return written;
  if (!pending_ || pending_->host != host || pending_->port != service) {
    auto work = std::make_shared<Work>();
    work->host = host;
    work->port = service;
    if (!work->done.valid()) return fail_errno(errno, "cannot make an eventfd");
    try {
      std::thread([work, resolver = resolver_] {
        work->error = resolver(work->host, work->port, 0, work->addresses);
        work->is_done.store(true, std::memory_order_release);
        static_cast<void>(::eventfd_write(work->done.get(), 1));
      }).detach();
    } catch (const std::system_error&) {
      return fail(ErrorCode::kNoMemory, "cannot make a thread that finds the host", host);
    }
    pending_ = std::move(work);
  }
  const auto waited = wait_for_input(pending_->done, cancelled, deadline);
  if (!waited || !pending_->is_done.load(std::memory_order_acquire)) {
    return fail(ErrorCode::kTimeout, "no name server has answered for the host", host);
  }
  const auto work = std::exchange(pending_, nullptr);
  if (work->error != 0) {
    return fail(ErrorCode::kNotFound, "cannot find the host",
                fmt::format("{}: {}", host, ::gai_strerror(work->error)));
  }
  return std::move(work->addresses);
}

}  // namespace framelog
