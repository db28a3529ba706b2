#include "core/quantity.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::array<Unit, 9> kSizes{{{"B", 1},
                                      {"kB", 1'000},
                                      {"KiB", std::int64_t{1} << 10},
                                      {"MB", 1'000'000},
                                      {"MiB", std::int64_t{1} << 20},
                                      {"GB", 1'000'000'000},
                                      {"GiB", std::int64_t{1} << 30},
                                      {"TB", 1'000'000'000'000},
                                      {"TiB", std::int64_t{1} << 40}}};
constexpr std::array<Unit, 7> kDurations{{{"ns", 1},
                                          {"us", 1'000},
                                          {"ms", 1'000'000},
                                          {"s", 1'000'000'000},
                                          {"min", 60'000'000'000},
                                          {"h", 3'600'000'000'000},
                                          {"d", 86'400'000'000'000}}};
constexpr std::array<Unit, 3> kRates{{{"Hz", 1}, {"kHz", 1'000}, {"MHz", 1'000'000}}};
constexpr std::array<Unit, 7> kLengths{
    {{"um", 1}, {"nm", 1}, {"mm", 1}, {"m", 1}, {"px", 1}, {"mrad", 1}, {"1/nm", 1}}};

std::size_t digits_at(std::string_view text, std::size_t from) noexcept {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - from;
}

// The micro sign and the Greek mu, both of which keyboards produce, are "u" here.
std::string with_plain_micro(std::string_view unit) {
  for (const std::string_view sign : {"\u00b5", "\u03bc"}) {
    if (unit.starts_with(sign)) return "u" + std::string(unit.substr(sign.size()));
  }
  return std::string(unit);
}

// Up to a blank; a digit ends it too ("1h30min") unless it begins with one ("1/nm").
std::string_view unit_at(std::string_view text) noexcept {
  const bool starts_with_digit = !text.empty() && is_digit(text[0]);
  std::size_t end = 0;
  while (end < text.size() && text[end] != ' ' && text[end] != '\t' &&
         (starts_with_digit || !is_digit(text[end]))) {
    ++end;
  }
  return text.substr(0, end);
}

std::string unknown_unit(std::string_view name, std::span<const Unit> units) {
  std::string text = "has the unknown unit " + in_quotes(name);
  for (const Unit& unit : units) {
    if (lower_case(unit.name) == lower_case(name)) text += ", perhaps for " + in_quotes(unit.name);
  }
  return text;
}

}  // namespace

std::span<const Unit> size_units() noexcept { return kSizes; }
std::span<const Unit> duration_units() noexcept { return kDurations; }
std::span<const Unit> rate_units() noexcept { return kRates; }
std::span<const Unit> length_units() noexcept { return kLengths; }

std::size_t number_length(std::string_view text) noexcept {
  const std::size_t whole = digits_at(text, 0);
  std::size_t end = whole;
  std::size_t fraction = 0;
  if (end < text.size() && text[end] == '.') {
    fraction = digits_at(text, end + 1);
    end += 1 + fraction;
  }
  if (whole + fraction == 0) return 0;
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    std::size_t exponent = end + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    const std::size_t digits = digits_at(text, exponent);
    if (digits > 0) end = exponent + digits;
  }
  return end;
}

std::expected<Quantity, std::string> take_quantity(std::string_view& rest,
                                                   std::span<const Unit> units) {
  if (rest.starts_with('-')) return std::unexpected("is negative");
  const std::size_t length = number_length(rest);
  if (length == 0) return std::unexpected("does not begin with a number");
  const std::string_view number = rest.substr(0, length);
  const std::string_view behind = trim(rest.substr(length));
  const std::string_view name = unit_at(behind);
  if (name.empty()) return std::unexpected("has no unit");
  const std::string plain = with_plain_micro(name);
  for (const Unit& unit : units) {
    if (unit.name != plain) continue;
    rest = trim(behind.substr(name.size()));
    return Quantity{number, unit};
  }
  return std::unexpected(unknown_unit(name, units));
}

std::optional<std::int64_t> scaled(std::string_view number, std::int64_t factor) {
  const char* const begin = number.data();
  const char* const end = begin + number.size();
  std::int64_t whole = 0;
  const auto read = std::from_chars(begin, end, whole);
  if (read.ec == std::errc{} && read.ptr == end) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(whole, factor, &product)) return std::nullopt;
    return product;
  }
  const std::optional<double> value = decimal(number);
  if (!value) return std::nullopt;
  const double product = std::round(*value * static_cast<double>(factor));
  constexpr double kBeyond = 9223372036854775808.0;
  if (!(product < kBeyond) || product < -kBeyond || (product == 0.0 && *value != 0.0))
    return std::nullopt;
  return static_cast<std::int64_t>(product);
}

std::optional<double> decimal(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || number_length(digits) != digits.size()) return std::nullopt;
  double value = 0.0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto read = std::from_chars(begin, end, value);
  if (read.ec != std::errc{} || read.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string in_whole_units(double amount, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    const auto factor = static_cast<double>(unit.factor);
    // Of units that divide it, the one that leaves the smallest number: 16 TiB, not 16384 GiB.
    if (factor > static_cast<double>(best->factor) && amount >= factor &&
        std::fmod(amount, factor) == 0.0) {
      best = &unit;
    }
  }
  return fmt::format("{} {}", amount / static_cast<double>(best->factor), best->name);
}

}  // namespace framelog
