#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/unique_fd.hpp"

namespace framelog {

/// Where a ring's memory outlives its process: systemd's descriptor store, or /dev/shm. Threads:
/// one at a time.
class RingKeeper {
 public:
  virtual ~RingKeeper() = default;
  /// Memory that a process of this instrument left when it died; each is given once. Memory that a
  /// living process uses is not among them.
  [[nodiscard]] virtual std::vector<UniqueFd> left_behind() = 0;
  /// Zeroed memory, all pages present, kept from now on. Errors: kNoMemory.
  [[nodiscard]] virtual Result<UniqueFd> make(std::uint64_t bytes) = 0;
  /// All that was in it is written: it need not be kept any longer.
  virtual void forget(const UniqueFd& memory) = 0;
  /// For people: "systemd's descriptor store", "/dev/shm/framelogd-0-microscope-1f2e3d4c".
  [[nodiscard]] virtual std::string_view place() const = 0;
};

}  // namespace framelog
