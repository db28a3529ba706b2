#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/option.hpp"
#include "core/settings.hpp"
#include "drivers/frame_source.hpp"

namespace framelog {

/// An instrument that is connected now.
struct FoundInstrument {
  std::string description;  ///< Vendor, model, serial number; one line for people.
  /// Keys of [source] that open it, without the driver: {"device", "/dev/v4l/by-id/..."}.
  std::vector<std::pair<std::string, std::string>> settings;
  std::string note;  ///< Why it may not open: in use, no permission; empty: nothing known.
};

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
  /// Looks for what is connected, for so long at most; null where there is nothing to look for.
  /// Opens nothing for longer than it takes to ask for its name. Errors: kIo, kDenied.
  Result<std::vector<FoundInstrument>> (*find)(std::chrono::nanoseconds patience){};
};

/// All drivers of this build. Threads: any.
[[nodiscard]] std::span<const Driver> drivers() noexcept;
/// Null when there is none of that name.
[[nodiscard]] const Driver* find_driver(std::string_view name) noexcept;
/// Whether a source that cannot be opened is waited for: hardware, and a simulator whose script has
/// it absent at first.
[[nodiscard]] bool may_appear_later(const Settings& settings);

}  // namespace framelog
