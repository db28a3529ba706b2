#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/ring_keeper.hpp"

namespace framelog {

/// Keeps rings as files in /dev/shm: without a service manager they outlive a killed process there,
/// until the machine is restarted. Their locks tell a living owner from a dead one.
class SharedMemoryKeeper final : public RingKeeper {
 public:
  /// The name is made of the user, the instrument, and where its configuration lies.
  SharedMemoryKeeper(const std::string& instrument, const std::filesystem::path& configuration,
                     std::filesystem::path directory = "/dev/shm");

  [[nodiscard]] std::vector<UniqueFd> left_behind() override;
  /// Where /dev/shm has no room the memory is there, but dies with the process; a line says so.
  [[nodiscard]] Result<UniqueFd> make(std::uint64_t bytes) override;
  void forget(const UniqueFd& memory) override;
  [[nodiscard]] std::string_view place() const override { return place_; }

 private:
  [[nodiscard]] Result<UniqueFd> make_file(std::uint64_t bytes);

  std::filesystem::path directory_;
  std::string name_;
  std::string place_;
};

}  // namespace framelog
