#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "pipeline/ring_keeper.hpp"

namespace framelog {

/// Keeps rings in systemd's descriptor store: it holds them while the service is restarted, however
/// it ended, and lets go of them when it is stopped.
class DescriptorStore final : public RingKeeper {
 public:
  /// Whether systemd listens. How many descriptors it keeps (FileDescriptorStoreMax=) it does not
  /// tell.
  [[nodiscard]] static bool is_available() noexcept;

  /// Takes over the descriptors that systemd has handed to this process, once: no two of these.
  DescriptorStore();

  [[nodiscard]] std::vector<UniqueFd> left_behind() override;
  [[nodiscard]] Result<UniqueFd> make(std::uint64_t bytes) override;
  void forget(const UniqueFd& memory) override;
  [[nodiscard]] std::string_view place() const override { return "systemd's descriptor store"; }

 private:
  /// By the memory itself: a descriptor may have been duplicated.
  using Identity = std::pair<dev_t, ino_t>;
  struct Kept {
    Identity identity;
    std::string name;
  };

  std::vector<UniqueFd> left_;
  std::vector<Kept> kept_;
  std::uint64_t next_number_{};  ///< Above those that were left: a name stands for one ring.
};

}  // namespace framelog
