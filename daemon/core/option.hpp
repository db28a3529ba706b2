#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/frame.hpp"

namespace framelog {

/// How a value is written in the configuration, and what it becomes.
enum class OptionType : std::uint8_t {
  kText,       ///< std::string
  kPath,       ///< std::string
  kChoice,     ///< std::string, one of the words of `allowed`
  kInteger,    ///< std::int64_t
  kNumber,     ///< double
  kBoolean,    ///< bool: yes, no
  kSize,       ///< std::int64_t, bytes: 512 MiB, 2 GB
  kDuration,   ///< std::chrono::nanoseconds: 250 ms, 1 h 30 min
  kRate,       ///< double, per second: 25 Hz, 2 kHz
  kLengths,    ///< std::vector<Length> of one or two (y, x): 0.65 um; zero where `least` is 0
  kRegion,     ///< RegionSpec: y=16:112, x=16:112
  kBinning,    ///< Binning: 2x2 (rows x columns)
  kPixelType,  ///< PixelType: uint16
  kShape,      ///< std::vector<std::uint32_t>: 100 x 512 x 512
  kList,       ///< std::vector<std::string>, separated by commas
};

/// A length or its like, in the unit that the user chose: um, nm, mm, m, px, mrad, 1/nm.
struct Length {
  double value{};
  std::string unit;
  friend bool operator==(const Length&, const Length&) = default;
};

/// A region as written: an empty end reaches to the edge.
struct RegionSpec {
  std::optional<std::uint32_t> y_start, y_stop, x_start, x_stop;
  friend bool operator==(const RegionSpec&, const RegionSpec&) = default;
};

/// One of the words that an option takes beside its values: auto, off, unlimited, max, recorded.
struct Word {
  std::string text;
  friend bool operator==(const Word&, const Word&) = default;
};

using OptionValue =
    std::variant<std::monostate, Word, bool, std::int64_t, double, std::string,
                 std::chrono::nanoseconds, RegionSpec, Binning, PixelType, std::vector<Length>,
                 std::vector<std::uint32_t>, std::vector<std::string>>;

/// One row of a room's table of options. All texts are static. Rows name their members:
/// {.section = "source", .key = "width", ...}.
struct OptionSpec {
  std::string_view section = "";  ///< "source"; "product.*" stands for one section per name.
  /// "control.*" stands for one key per name, in any number: control.gain, control.exposure.
  std::string_view key = "";
  OptionType type{};
  std::string_view default_text = "";  ///< As a user would write it; empty: none.
  /// kChoice: the words, separated by spaces. Others: what kind of value it is, for people, in
  /// place of the type's own words ("a port number"); `words` and the range are added to it.
  std::string_view allowed = "";
  std::string_view help = "";   ///< One sentence.
  std::string_view words = "";  ///< Further words that are values, separated by spaces.
  double least{
      -std::numeric_limits<double>::infinity()};  ///< In bytes, seconds, Hz or the plain number.
  double most{std::numeric_limits<double>::infinity()};
  std::string_view driver = "";  ///< In [source]: the only driver that knows this key; empty: all.
};

/// Reads one value. The error, one line, says what is wrong and in parentheses what is allowed,
/// without naming the key. Nothing is accepted in part: a number without its unit, an empty value,
/// anything behind the value, control characters, bytes that are not UTF-8, infinities and what is
/// out of range are errors. Sizes and durations are exact to the byte and the nanosecond.
[[nodiscard]] std::expected<OptionValue, std::string> parse_value(const OptionSpec& spec,
                                                                  std::string_view text);

/// What an option takes, for people: "a rate such as 25 Hz or 2 kHz, or max".
[[nodiscard]] std::string allowed_text(const OptionSpec& spec);

/// A key of the table for people: "control.NAME" for "control.*".
[[nodiscard]] std::string key_text(std::string_view key);

/// The one nearest to `word` within a third of its length in edits (rounded up; two neighbours that
/// changed places are one edit, capitals none); empty when none is near.
[[nodiscard]] std::string nearest_word(std::string_view word,
                                       std::span<const std::string_view> known);

}  // namespace framelog
