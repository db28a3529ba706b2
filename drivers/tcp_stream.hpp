#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/unique_fd.hpp"
#include "drivers/host_lookup.hpp"

namespace framelog {

/// A TCP connection whose calls wait until a deadline, or until cancelled.
/// Threads: one, except cancel().
class TcpStream {
 public:
  /// Of the kernel's receive buffer; 0 leaves it to the kernel, which lets it grow as needed. More
  /// than the machine's limit (net.core.rmem_max) needs CAP_NET_ADMIN; without it the kernel's own
  /// way is kept where that reaches further.
  explicit TcpStream(std::int64_t receive_buffer_bytes = 0) noexcept
      : receive_buffer_bytes_(receive_buffer_bytes) {}

  /// Resolves the name and tries each address, all of it before the deadline. A peer that
  /// does not answer any more is noticed within 15 s or so, also where nothing is sent.
  /// Errors: kNotFound (nobody listens, no such host), kTimeout, kIo; the context is HOST:PORT.
  [[nodiscard]] Result<void> connect(const std::string& host, std::uint16_t port,
                                     Deadline deadline);
  [[nodiscard]] bool is_connected() const noexcept { return socket_.valid(); }
  void close() noexcept { socket_.reset(); }

  /// What has come, at least one byte, into the spaces one behind the other; both may not be empty.
  /// Takes what is there even behind the deadline. Allocates nothing.
  /// Errors: kTimeout, kDisconnected (the stream is closed then).
  [[nodiscard]] Result<std::size_t> receive(std::array<std::span<std::byte>, 2> spaces,
                                            Deadline deadline) noexcept;
  /// All of it. Errors: kTimeout, kDisconnected.
  [[nodiscard]] Result<void> send(std::string_view bytes, Deadline deadline) noexcept;

  /// Ends the wait in progress with kTimeout, or else the next one. Threads: any.
  void cancel() noexcept;

 private:
  [[nodiscard]] Result<void> finish_connecting(const UniqueFd& fd, Deadline deadline) noexcept;
  void prepare(int fd) const noexcept;
  [[nodiscard]] std::unexpected<Error> lost(int system_errno) noexcept;

  std::int64_t receive_buffer_bytes_;
  HostLookup lookup_;
  UniqueFd socket_;
  UniqueFd cancelled_{make_event()};  // An eventfd, readable when cancelled.
  [[nodiscard]] static int make_event() noexcept;
};

}  // namespace framelog
