#include "drivers/drivers.hpp"

#include <algorithm>
#include <array>

#include "drivers/replay.hpp"
#include "drivers/simulator.hpp"

namespace framelog {

std::span<const Driver> drivers() noexcept {
  static const std::array<Driver, 2> table{simulator_driver(), replay_driver()};
  return table;
}

const Driver* find_driver(std::string_view name) noexcept {
  const auto found = std::ranges::find(drivers(), name, &Driver::name);
  return found == drivers().end() ? nullptr : &*found;
}

}  // namespace framelog
