#include "service/options.hpp"

#include <array>

namespace framelog {
namespace {

constexpr std::array<OptionSpec, 0> kOptions{};

}  // namespace

std::span<const OptionSpec> service_options() noexcept { return kOptions; }

void check_service(const Settings& settings, std::vector<Complaint>& complaints) {
  static_cast<void>(settings);
  static_cast<void>(complaints);
}

}  // namespace framelog
