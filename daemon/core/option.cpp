#include "core/option.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/quantity.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using Parsed = std::expected<OptionValue, std::string>;

constexpr std::size_t kMostDimensions = 4;
constexpr std::size_t kLongestWord = 64;

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words = split(text, ' ');
  std::erase(words, std::string_view{});
  return words;
}

std::string_view kind_text(OptionType type) noexcept {
  switch (type) {
    case OptionType::kText:
      return "a text";
    case OptionType::kPath:
      return "a path";
    case OptionType::kChoice:
      return "one word";
    case OptionType::kInteger:
      return "a whole number";
    case OptionType::kNumber:
      return "a number";
    case OptionType::kBoolean:
      return "yes or no";
    case OptionType::kSize:
      return "a size such as 512 MiB or 2 GB";
    case OptionType::kDuration:
      return "a duration such as 250 ms or 1 h 30 min";
    case OptionType::kRate:
      return "a rate such as 25 Hz or 2 kHz";
    case OptionType::kLengths:
      return "a length such as 0.65 um, or two for y, x; units: um nm mm m px mrad 1/nm";
    case OptionType::kRegion:
      return "a region such as y=16:112, x=16:112 in pixels, the stop not included";
    case OptionType::kBinning:
      return "binning as rows x columns, such as 2x2";
    case OptionType::kPixelType:
      return "one of: uint8 int8 uint16 int16 uint32 int32 uint64 float32 float64";
    case OptionType::kShape:
      return "a shape such as 100 x 512 x 512 (frames x height x width), each at least 1";
    case OptionType::kList:
      return "a list separated by commas";
  }
  return "";
}

std::string bound_text(OptionType type, double bound) {
  constexpr double kNsPerSecond = 1e9;
  if (type == OptionType::kSize) return in_whole_units(bound, size_units());
  if (type == OptionType::kDuration) return in_whole_units(bound * kNsPerSecond, duration_units());
  if (type == OptionType::kRate) return in_whole_units(bound, rate_units());
  return fmt::format("{}", bound);
}

std::string range_text(const OptionSpec& spec) {
  const bool has_least = std::isfinite(spec.least);
  const bool has_most = std::isfinite(spec.most);
  if (has_least && has_most) {
    return fmt::format(", from {} to {}", bound_text(spec.type, spec.least),
                       bound_text(spec.type, spec.most));
  }
  if (has_least) return ", at least " + bound_text(spec.type, spec.least);
  if (has_most) return ", at most " + bound_text(spec.type, spec.most);
  return {};
}

Parsed wrong(const OptionSpec& spec, std::string_view text, std::string_view what,
             std::string_view hint = {}) {
  return std::unexpected(
      fmt::format("{} {} ({}{})", in_quotes(text), what, hint, allowed_text(spec)));
}

Parsed unknown_word(const OptionSpec& spec, std::string_view text,
                    std::span<const std::string_view> known) {
  const std::string nearest = nearest_word(text, known);
  const std::string hint = nearest.empty() ? "" : fmt::format("did you mean \"{}\"? ", nearest);
  return wrong(spec, text, "is not one of the values", hint);
}

/// `amount` is what the bounds of the spec are given in; `value` is what the option becomes.
Parsed in_range(const OptionSpec& spec, std::string_view text, double amount, OptionValue value) {
  if (amount >= spec.least && amount <= spec.most) return value;
  return wrong(spec, text, "is out of range");
}

std::optional<std::uint32_t> pixel_count(std::string_view text) noexcept {
  std::uint32_t value = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto read = std::from_chars(begin, end, value);
  if (text.empty() || read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return value;
}

Parsed parse_choice(const OptionSpec& spec, std::string_view text) {
  std::vector<std::string_view> known = words_of(spec.allowed);
  if (std::ranges::find(known, text) != known.end()) return std::string(text);
  std::ranges::copy(words_of(spec.words), std::back_inserter(known));
  return unknown_word(spec, text, known);
}

Parsed parse_integer(const OptionSpec& spec, std::string_view text) {
  std::int64_t value = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto read = std::from_chars(begin, end, value);
  if (read.ec == std::errc::result_out_of_range && read.ptr == end) {
    return wrong(spec, text, "does not fit in 64 bits");
  }
  if (read.ec != std::errc{} || read.ptr != end) return wrong(spec, text, "is not a whole number");
  return in_range(spec, text, static_cast<double>(value), value);
}

Parsed parse_number(const OptionSpec& spec, std::string_view text) {
  const std::optional<double> value = decimal(text);
  if (!value) return wrong(spec, text, "is not a finite decimal number");
  return in_range(spec, text, *value, *value);
}

Parsed parse_boolean(const OptionSpec& spec, std::string_view text) {
  if (text == "yes") return true;
  if (text == "no") return false;
  return wrong(spec, text, "is neither yes nor no");
}

Parsed parse_size(const OptionSpec& spec, std::string_view text) {
  std::string_view rest = text;
  const auto quantity = take_quantity(rest, size_units());
  if (!quantity) return wrong(spec, text, quantity.error());
  if (!rest.empty()) return wrong(spec, text, "goes on behind its unit");
  const auto bytes = scaled(quantity->number, quantity->unit.factor);
  if (!bytes) return wrong(spec, text, "is not a number of bytes that fits in 63 bits");
  return in_range(spec, text, static_cast<double>(*bytes), *bytes);
}

Parsed parse_duration(const OptionSpec& spec, std::string_view text) {
  std::int64_t total_ns = 0;
  std::int64_t smallest_unit = std::numeric_limits<std::int64_t>::max();
  for (std::string_view rest = text; !rest.empty();) {
    const auto quantity = take_quantity(rest, duration_units());
    if (!quantity) return wrong(spec, text, quantity.error());
    if (quantity->unit.factor >= smallest_unit) {
      return wrong(spec, text, "does not have each unit once, the largest first");
    }
    smallest_unit = quantity->unit.factor;
    const auto part_ns = scaled(quantity->number, quantity->unit.factor);
    if (!part_ns || __builtin_add_overflow(total_ns, *part_ns, &total_ns)) {
      return wrong(spec, text, "is not a number of nanoseconds that fits in 63 bits");
    }
  }
  constexpr double kNsPerSecond = 1e9;
  return in_range(spec, text, static_cast<double>(total_ns) / kNsPerSecond,
                  std::chrono::nanoseconds(total_ns));
}

Parsed parse_rate(const OptionSpec& spec, std::string_view text) {
  std::string_view rest = text;
  const auto quantity = take_quantity(rest, rate_units());
  if (!quantity) return wrong(spec, text, quantity.error());
  if (!rest.empty()) return wrong(spec, text, "goes on behind its unit");
  const auto number = decimal(quantity->number);
  if (!number) return wrong(spec, text, "is not a finite rate");
  const double rate_hz = *number * static_cast<double>(quantity->unit.factor);
  if (!std::isfinite(rate_hz)) return wrong(spec, text, "is not a finite rate");
  if (rate_hz <= 0.0) return wrong(spec, text, "is not above zero");
  return in_range(spec, text, rate_hz, rate_hz);
}

Parsed parse_lengths(const OptionSpec& spec, std::string_view text) {
  std::vector<Length> lengths;
  for (const std::string_view part : split(text, ',')) {
    std::string_view rest = part;
    const auto quantity = take_quantity(rest, length_units());
    if (!quantity) return wrong(spec, text, quantity.error());
    if (!rest.empty()) return wrong(spec, text, "goes on behind its unit");
    const auto value = decimal(quantity->number);
    if (!value) return wrong(spec, text, "is not a finite length");
    if (*value <= 0.0 && spec.least != 0.0) return wrong(spec, text, "is not above zero");
    if (*value < spec.least || *value > spec.most) return wrong(spec, text, "is out of range");
    lengths.push_back({*value, std::string(quantity->unit.name)});
  }
  if (lengths.size() > 2) return wrong(spec, text, "has more than two lengths");
  return lengths;
}

/// The fault of one axis, "16:112"; empty when there is none.
std::string_view parse_axis(std::string_view text, std::optional<std::uint32_t>& start,
                            std::optional<std::uint32_t>& stop) {
  const std::vector<std::string_view> ends = split(text, ':');
  if (ends.size() != 2) return "does not have one start:stop for each axis";
  start = pixel_count(ends[0]);
  stop = pixel_count(ends[1]);
  if ((!start && !ends[0].empty()) || (!stop && !ends[1].empty())) {
    return "has an end that is not a whole number of pixels from 0 to 4294967295";
  }
  if (stop && *stop <= start.value_or(0)) return "has a start that is not below its stop";
  return {};
}

Parsed parse_region(const OptionSpec& spec, std::string_view text) {
  RegionSpec region;
  bool has_y = false;
  bool has_x = false;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    const std::string_view axis = trim(part.substr(0, equals));
    if (equals == std::string_view::npos || (axis != "y" && axis != "x")) {
      return wrong(spec, text, "has a part that begins with neither y= nor x=");
    }
    bool& seen = axis == "y" ? has_y : has_x;
    if (seen) return wrong(spec, text, "has an axis twice");
    seen = true;
    const std::string_view ends = part.substr(equals + 1);
    const std::string_view fault = axis == "y" ? parse_axis(ends, region.y_start, region.y_stop)
                                               : parse_axis(ends, region.x_start, region.x_stop);
    if (!fault.empty()) return wrong(spec, text, fault);
  }
  return region;
}

/// The numbers between the x of "100 x 512 x 512"; empty unless each is from 1 to 4294967295.
std::vector<std::uint32_t> parse_extents(std::string_view text) {
  std::vector<std::uint32_t> extents;
  for (const std::string_view part : split(text, 'x')) {
    const std::optional<std::uint32_t> extent = pixel_count(part);
    if (!extent || *extent == 0) return {};
    extents.push_back(*extent);
  }
  return extents;
}

Parsed parse_binning(const OptionSpec& spec, std::string_view text) {
  const std::vector<std::uint32_t> extents = parse_extents(text);
  if (extents.size() != 2) return wrong(spec, text, "is not two whole numbers from 1 upwards");
  const auto [least, most] = std::ranges::minmax(extents);
  if (least < spec.least || most > spec.most) return wrong(spec, text, "is out of range");
  return Binning{extents[0], extents[1]};
}

Parsed parse_pixel_type(const OptionSpec& spec, std::string_view text) {
  if (const std::optional<PixelType> type = pixel_type_of(text)) return *type;
  std::vector<std::string_view> known = words_of(spec.words);
  for (auto type = PixelType::kUint8; type <= PixelType::kFloat64;
       type = static_cast<PixelType>(static_cast<int>(type) + 1)) {
    known.push_back(name_of(type));
  }
  return unknown_word(spec, text, known);
}

Parsed parse_shape(const OptionSpec& spec, std::string_view text) {
  std::vector<std::uint32_t> extents = parse_extents(text);
  if (extents.empty() || extents.size() > kMostDimensions) {
    return wrong(spec, text, "is not one to four whole numbers from 1 upwards with x between them");
  }
  const auto [least, most] = std::ranges::minmax(extents);
  if (least < spec.least || most > spec.most) return wrong(spec, text, "is out of range");
  return extents;
}

Parsed parse_list(const OptionSpec& spec, std::string_view text) {
  std::vector<std::string> items;
  for (const std::string_view item : split(text, ',')) {
    if (item.empty()) return wrong(spec, text, "has an empty item");
    items.emplace_back(item);
  }
  return items;
}

Parsed parse_typed(const OptionSpec& spec, std::string_view text) {
  switch (spec.type) {
    case OptionType::kText:
    case OptionType::kPath:
      return std::string(text);
    case OptionType::kChoice:
      return parse_choice(spec, text);
    case OptionType::kInteger:
      return parse_integer(spec, text);
    case OptionType::kNumber:
      return parse_number(spec, text);
    case OptionType::kBoolean:
      return parse_boolean(spec, text);
    case OptionType::kSize:
      return parse_size(spec, text);
    case OptionType::kDuration:
      return parse_duration(spec, text);
    case OptionType::kRate:
      return parse_rate(spec, text);
    case OptionType::kLengths:
      return parse_lengths(spec, text);
    case OptionType::kRegion:
      return parse_region(spec, text);
    case OptionType::kBinning:
      return parse_binning(spec, text);
    case OptionType::kPixelType:
      return parse_pixel_type(spec, text);
    case OptionType::kShape:
      return parse_shape(spec, text);
    case OptionType::kList:
      return parse_list(spec, text);
  }
  return wrong(spec, text, "is of an unknown kind");
}

/// Optimal string alignment distance: insert, delete, replace, swap two neighbours.
std::size_t edits_between(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before(to.size() + 1);
  std::vector<std::size_t> previous(to.size() + 1);
  std::vector<std::size_t> current(to.size() + 1);
  for (std::size_t column = 0; column <= to.size(); ++column) previous[column] = column;
  for (std::size_t row = 1; row <= from.size(); ++row) {
    current[0] = row;
    for (std::size_t column = 1; column <= to.size(); ++column) {
      const std::size_t replace = from[row - 1] == to[column - 1] ? 0 : 1;
      current[column] =
          std::min({previous[column] + 1, current[column - 1] + 1, previous[column - 1] + replace});
      if (row > 1 && column > 1 && from[row - 1] == to[column - 2] &&
          from[row - 2] == to[column - 1]) {
        current[column] = std::min(current[column], before[column - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[to.size()];
}

}  // namespace

Parsed parse_value(const OptionSpec& spec, std::string_view text) {
  const std::string_view value = trim(text);
  if (value.empty()) {
    return std::unexpected(fmt::format("the value is empty ({})", allowed_text(spec)));
  }
  if (std::ranges::any_of(value, is_control)) return wrong(spec, value, "has a control character");
  if (!is_utf8(value)) return wrong(spec, value, "is not UTF-8");
  const std::vector<std::string_view> words = words_of(spec.words);
  if (std::ranges::find(words, value) != words.end()) return Word{std::string(value)};
  return parse_typed(spec, value);
}

std::string allowed_text(const OptionSpec& spec) {
  std::string text(spec.allowed.empty() ? kind_text(spec.type) : spec.allowed);
  if (spec.type == OptionType::kChoice && !spec.allowed.empty()) text = "one of: " + text;
  text += range_text(spec);
  const std::vector<std::string_view> words = words_of(spec.words);
  if (!words.empty()) text += fmt::format(", or {}", fmt::join(words, " or "));
  return text;
}

std::string key_text(std::string_view key) {
  std::string text(key);
  if (text.ends_with(".*")) text.replace(text.size() - 1, 1, "NAME");
  return text;
}

std::string nearest_word(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() < 2 || word.size() > kLongestWord) return {};
  const std::string wanted = lower_case(word);
  std::size_t fewest = (word.size() + 2) / 3 + 1;
  std::string_view nearest;
  for (const std::string_view candidate : known) {
    const std::size_t edits = edits_between(wanted, lower_case(candidate));
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = candidate;
  }
  return std::string(nearest);
}

}  // namespace framelog
