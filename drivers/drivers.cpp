#include "drivers/drivers.hpp"

#include <algorithm>
#include <array>

#ifdef FRAMELOG_HAS_ARAVIS
#include "drivers/aravis.hpp"
#endif
#include "drivers/merlin.hpp"
#include "drivers/replay.hpp"
#include "drivers/simulator.hpp"
#include "drivers/v4l2.hpp"

namespace framelog {

std::span<const Driver> drivers() noexcept {
  static const std::array table{
      simulator_driver(), replay_driver(), v4l2_driver(),
#ifdef FRAMELOG_HAS_ARAVIS
      aravis_driver(),
#endif
      merlin_driver(),
  };
  return table;
}

const Driver* find_driver(std::string_view name) noexcept {
  const auto found = std::ranges::find(drivers(), name, &Driver::name);
  return found == drivers().end() ? nullptr : &*found;
}

bool may_appear_later(const Settings& settings) {
  const auto* name = settings.get<std::string>("source", "driver");
  const Driver* driver = name == nullptr ? nullptr : find_driver(*name);
  if (driver == nullptr) return false;
  const auto* script = settings.get<std::string>("source", "faults");
  if (driver->name != simulator_driver().name || script == nullptr) return driver->hardware;
  const auto faults = parse_faults(*script);
  return faults && std::ranges::any_of(*faults, [](const Fault& fault) {
           return fault.kind == FaultKind::kAbsent;
         });
}

}  // namespace framelog
