#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace framelog {

/// A unit as the configuration spells it, and how many of the smallest unit it is.
struct Unit {
  std::string_view name;
  std::int64_t factor{};
};

[[nodiscard]] std::span<const Unit> size_units() noexcept;      ///< In bytes.
[[nodiscard]] std::span<const Unit> duration_units() noexcept;  ///< In nanoseconds.
[[nodiscard]] std::span<const Unit> rate_units() noexcept;      ///< In hertz.
[[nodiscard]] std::span<const Unit> length_units() noexcept;    ///< Kept as written: all 1.

/// A number with its unit, still as text, so that nothing is rounded before its type is known.
struct Quantity {
  std::string_view number;
  Unit unit;
};

/// Characters of the unsigned decimal number ("2", "0.5", "1e3") at the start of `text`; 0: none.
[[nodiscard]] std::size_t number_length(std::string_view text) noexcept;

/// Takes one quantity and the blanks behind it off the front of `rest`. The error continues the
/// sentence that begins with what was written: "has no unit".
[[nodiscard]] std::expected<Quantity, std::string> take_quantity(std::string_view& rest,
                                                                 std::span<const Unit> units);

/// number x factor, rounded to the nearest integer where the number has a fraction; empty where it
/// does not fit, or where something greater than zero would become zero.
[[nodiscard]] std::optional<std::int64_t> scaled(std::string_view number, std::int64_t factor);

/// A decimal number with an optional minus; empty unless it is all of `text` and finite.
[[nodiscard]] std::optional<double> decimal(std::string_view text);

/// The amount in the largest unit that it is a whole multiple of: "16 TiB", "250 ms".
[[nodiscard]] std::string in_whole_units(double amount, std::span<const Unit> units);

}  // namespace framelog
