// What people write and read of controls; the calls are in v4l2_controls.cpp.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>

#include "core/text.hpp"
#include "drivers/v4l2_controls.hpp"

namespace framelog {
namespace {

constexpr std::size_t kMostItems = 12;  // Of a menu in an error's one line.

std::optional<std::int64_t> number_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
  if (hexadecimal) digits.remove_prefix(2);
  if (digits.empty() || digits.front() == '-') return std::nullopt;
  const std::string signed_digits = (negative ? "-" : "") + std::string(digits);
  std::int64_t value = 0;
  const char* end = signed_digits.data() + signed_digits.size();
  const auto [stop, error] =
      std::from_chars(signed_digits.data(), end, value, hexadecimal ? 16 : 10);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> boolean_of(const std::string& word) {
  constexpr std::array kOnWords{"1", "yes", "on", "true"};
  constexpr std::array kOffWords{"0", "no", "off", "false"};
  if (std::ranges::find(kOnWords, word) != kOnWords.end()) return 1;
  if (std::ranges::find(kOffWords, word) != kOffWords.end()) return 0;
  return std::nullopt;
}

std::optional<std::int64_t> item_of(const VideoControl& control, std::string_view text) {
  const std::optional<std::int64_t> number = number_of(text);
  for (const auto& [index, name] : control.items) {
    if (number == index || lower_case(name) == lower_case(text)) return index;
  }
  // As it is read back: "1 (Manual Mode)".
  for (const auto& [index, name] : control.items) {
    if (text == fmt::format("{} ({})", index, name)) return index;
  }
  return std::nullopt;
}

std::string items_text(const VideoControl& control) {
  std::string text;
  for (std::size_t i = 0; i < std::min(control.items.size(), kMostItems); ++i) {
    const auto& [index, name] = control.items[i];
    fmt::format_to(std::back_inserter(text), "{}{} {}", i == 0 ? "" : ", ", index, name);
  }
  return control.items.size() > kMostItems ? text + ", ..." : text;
}

std::string allowed_of(const VideoControl& control) {
  switch (control.kind) {
    case ControlKind::kInteger:
      return fmt::format("{}..{}", control.least, control.most);
    case ControlKind::kBoolean:
      return "yes or no";
    case ControlKind::kMenu:
    case ControlKind::kNumberMenu:
      return items_text(control);
    case ControlKind::kBits:
      return fmt::format("bits of {:#x}", static_cast<std::uint64_t>(control.most));
    case ControlKind::kText:
      return fmt::format("a text of {} to {} bytes", control.least, control.most);
    case ControlKind::kButton:
      return "a button, which has no value";
    case ControlKind::kOther:
      return "an array";
  }
  return {};
}

std::optional<std::int64_t> whole_number(const VideoControl& control, std::string_view text) {
  if (control.kind == ControlKind::kBoolean) return boolean_of(lower_case(text));
  if (control.kind == ControlKind::kMenu || control.kind == ControlKind::kNumberMenu) {
    return item_of(control, text);
  }
  const auto number = number_of(text);
  if (!number) return std::nullopt;
  const bool fits = control.kind == ControlKind::kBits
                        ? (*number & ~control.most) == 0
                        : *number >= control.least && *number <= control.most;
  return fits ? number : std::nullopt;
}

}  // namespace

std::string control_name(std::string_view told) {
  std::string name;
  bool gap = false;
  for (const char character : told) {
    const std::string small = lower_case({&character, 1});
    const bool letter = small[0] >= 'a' && small[0] <= 'z';
    if (letter || is_digit(character)) {
      if (gap) name += '_';
      name += small;
    }
    gap = !letter && !is_digit(character) && !name.empty();
  }
  return name;
}

std::string control_text(const VideoControl& control) {
  return fmt::format("{} {}{}", control.name, allowed_of(control),
                     control.read_only ? " (read only)" : "");
}

Result<ControlValue> control_value(const VideoControl& control, std::string_view text) {
  if (control.kind == ControlKind::kButton || control.kind == ControlKind::kOther ||
      control.read_only) {
    return fail(ErrorCode::kInvalid, "cannot be set:", control_text(control));
  }
  if (control.kind == ControlKind::kText) {
    const auto length = static_cast<std::int64_t>(text.size());
    if (length >= control.least && length <= control.most) return std::string(text);
  } else if (const auto number = whole_number(control, text)) {
    return *number;
  }
  return fail(ErrorCode::kInvalid, "cannot be",
              fmt::format("{} ({})", in_quotes(text), allowed_of(control)));
}

}  // namespace framelog
