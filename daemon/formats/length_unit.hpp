#pragma once

#include <string_view>

#include "core/option.hpp"

namespace framelog {

/// A size in a unit as other programs spell it ("\u00b5m", "micron", "Angstrom", "nanometer") in
/// one that we know; of an unknown one the text as it is. Empty where it is no size: not above 0,
/// without a unit, or in pixels. Threads: any.
[[nodiscard]] Length known_length(double value, std::string_view unit);

/// Seconds in a unit of time; 0: unknown.
[[nodiscard]] double seconds_in(std::string_view unit) noexcept;

}  // namespace framelog
