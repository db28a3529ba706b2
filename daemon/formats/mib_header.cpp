#include "formats/mib_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "core/quantity.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

// The first of them are at fixed places; thresholds and DACs follow, whose number depends on the
// chips, so that what is behind them is found by its name.
enum Field : std::size_t {
  kSequence = 1,
  kHeaderBytes,
  kChips,
  kWidth,
  kHeight,
  kPixelType,
  kLayout,
  kChipSelect,
  kLocalTime,
  kExposureSeconds,
  kFixedFields
};
constexpr std::string_view kExtension = "MQ1A";
constexpr std::size_t kFewestFields = kLayout + 1;

/// Takes the next field off the front of `rest`.
std::string_view next_field(std::string_view& rest) noexcept {
  const std::size_t end = std::min(rest.find(','), rest.size());
  const std::string_view field = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

template <class Number>
bool parse(std::string_view text, Number& number) noexcept {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && stop == text.data() + text.size();
}

/// A number of exactly `digits` digits off the front of `text`; -1: there is none.
int take_digits(std::string_view& text, std::size_t digits) noexcept {
  int number = 0;
  if (text.size() < digits) return -1;
  for (const char character : text.substr(0, digits)) {
    if (!is_digit(character)) return -1;
    number = number * 10 + (character - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, std::string_view wanted) noexcept {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

/// Nanoseconds of ".000000178"; 0 where there is none. Finer digits are cut off.
std::int64_t take_fraction(std::string_view& text) noexcept {
  if (!take(text, ".")) return 0;
  std::int64_t nanoseconds = 0;
  std::int64_t unit = 100'000'000;
  while (!text.empty() && is_digit(text[0])) {
    nanoseconds += (text[0] - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return nanoseconds;
}

/// "2026-11-20T16:00:00.000000178Z"; -1 for anything else.
std::int64_t parse_utc(std::string_view text) noexcept {
  std::array<int, 6> parts{};
  constexpr std::array<std::size_t, 6> kDigits{4, 2, 2, 2, 2, 2};
  constexpr std::array<std::string_view, 6> kBehind{"-", "-", "T", ":", ":", ""};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i] = take_digits(text, kDigits[i]);
    if (parts[i] < 0 || !take(text, kBehind[i])) return -1;
  }
  const std::int64_t fraction_ns = take_fraction(text);
  const std::chrono::year_month_day day{std::chrono::year{parts[0]},
                                        std::chrono::month{static_cast<unsigned>(parts[1])},
                                        std::chrono::day{static_cast<unsigned>(parts[2])}};
  // Beyond these years nanoseconds do not fit.
  const bool sensible = day.ok() && parts[0] >= 1970 && parts[0] < 2262;
  if (text != "Z" || !sensible || parts[3] > 23 || parts[4] > 59 || parts[5] > 60) return -1;
  const auto seconds = std::chrono::sys_days(day).time_since_epoch() +
                       std::chrono::hours(parts[3]) + std::chrono::minutes(parts[4]) +
                       std::chrono::seconds(parts[5]);
  return std::chrono::nanoseconds(seconds).count() + fraction_ns;
}

/// "1000000ns"; -1 for anything else.
std::int64_t parse_nanoseconds(std::string_view text) noexcept {
  std::int64_t value = -1;
  if (!text.ends_with("ns") || !parse(text.substr(0, text.size() - 2), value)) return -1;
  return std::max<std::int64_t>(value, -1);
}

bool parse_pixel_type(std::string_view text, MibHeader& header) noexcept {
  header.raw = text == "R64";
  if (!header.raw && text != "U08" && text != "U16" && text != "U32") return false;
  return parse(text.substr(1), header.word_bits);
}

/// The fields whose places are fixed. Errors: static text.
const char* parse_fixed(const std::array<std::string_view, kFixedFields>& fields,
                        MibHeader& header) noexcept {
  if (!parse(fields[kSequence], header.sequence) ||
      !parse(fields[kHeaderBytes], header.header_bytes) || !parse(fields[kChips], header.chips) ||
      !parse(fields[kWidth], header.width_px) || !parse(fields[kHeight], header.height_px)) {
    return "a Merlin header with a field that is not the number it should be";
  }
  // "2x2G": with a gap of some pixels between the chips.
  header.quad = header.chips == 4 && fields[kLayout].starts_with("2x2");
  if (const auto ns = scaled(fields[kExposureSeconds], 1'000'000'000); ns && *ns >= 0) {
    header.exposure_ns = *ns;
  }
  return nullptr;
}

/// What follows "MQ1A": time, exposure and depth.
void parse_extension(std::string_view rest, MibHeader& header) noexcept {
  header.utc_ns = parse_utc(next_field(rest));
  if (const std::int64_t ns = parse_nanoseconds(next_field(rest)); ns >= 0) header.exposure_ns = ns;
  int depth = 0;
  if (parse(next_field(rest), depth) && (depth == 1 || depth == 6 || depth == 12 || depth == 24)) {
    header.bit_depth = depth;
  }
}

}  // namespace

Result<MibHeader> parse_mib_header(std::string_view bytes) noexcept {
  constexpr auto kCorrupt = ErrorCode::kCorrupt;
  if (!bytes.starts_with(kMibMagic)) return fail(kCorrupt, "no Merlin header: it begins with MQ1,");
  std::string_view rest = bytes.substr(0, std::min(bytes.find('\0'), kMostMibHeaderBytes));
  std::array<std::string_view, kFixedFields> fields{};
  std::size_t found = 0;
  while (found < fields.size() && !rest.empty()) fields[found++] = next_field(rest);
  if (found < kFewestFields) return fail(kCorrupt, "a Merlin header that is cut off");
  MibHeader header;
  if (const char* wrong = parse_fixed(fields, header)) return fail(kCorrupt, wrong);
  if (!parse_pixel_type(fields[kPixelType], header)) {
    return fail(ErrorCode::kUnsupported,
                "Merlin pixels of a type that is not U08, U16, U32 or R64");
  }
  if (header.header_bytes < kMibMagic.size() || header.header_bytes > kMostMibHeaderBytes) {
    return fail(kCorrupt, "a Merlin header of an absurd length (allowed: 4 to 16384 bytes)");
  }
  // What is behind the header is pixels, whatever they look like.
  const auto consumed = static_cast<std::size_t>(rest.data() - bytes.data());
  if (consumed > header.header_bytes) return fail(kCorrupt, "a Merlin header that is cut off");
  rest = rest.substr(0, header.header_bytes - consumed);
  while (!rest.empty()) {
    if (next_field(rest) == kExtension) parse_extension(rest, header);
  }
  return header;
}

}  // namespace framelog
