#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/option.hpp"
#include "core/settings.hpp"
#include "drivers/frame_source.hpp"

namespace framelog {

/// One row of the table of drivers.
struct Driver {
  std::string_view name;
  std::string_view help;                ///< One sentence.
  std::span<const OptionSpec> options;  ///< Keys of [source] that only this driver knows.
  /// Checks the meaning of its own keys; adds to `complaints` and returns null where one is wrong.
  /// A key that `settings` lack has its default. `clock` is borrowed for the life of the source.
  std::unique_ptr<FrameSource> (*make)(const Settings& settings, const Clock& clock,
                                       std::vector<Complaint>& complaints);
  /// An instrument that may be switched on later: opening it is tried again and again.
  bool hardware{};
};

/// All drivers of this build. Threads: any.
[[nodiscard]] std::span<const Driver> drivers() noexcept;
/// Null when there is none of that name.
[[nodiscard]] const Driver* find_driver(std::string_view name) noexcept;
/// Whether a source that cannot be opened is waited for: hardware, and a simulator whose script has
/// it absent at first.
[[nodiscard]] bool may_appear_later(const Settings& settings);

}  // namespace framelog
