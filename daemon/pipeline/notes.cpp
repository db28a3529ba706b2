#include "pipeline/notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::size_t kLongestMark = 4096;
constexpr std::size_t kLongestAuthor = 64;
constexpr std::size_t kLongestKey = 64;
constexpr std::size_t kLongestUnit = 32;

bool is_printable(std::string_view text, std::size_t longest) {
  return text.size() <= longest && is_utf8(text) && std::ranges::none_of(text, is_control);
}

bool is_letter(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         character == '_';
}

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kLongestKey && is_letter(key.front()) &&
         std::ranges::all_of(key, [](char c) { return is_letter(c) || is_digit(c); });
}

}  // namespace

Result<void> check_mark(std::string_view text, std::string_view author) {
  if (text.empty() || !is_printable(text, kLongestMark)) {
    return fail(ErrorCode::kInvalid, "no text for a mark:",
                fmt::format("{} (allowed: 1 to {} bytes of UTF-8 without control characters)",
                            in_quotes(text), kLongestMark));
  }
  if (!is_printable(author, kLongestAuthor)) {
    return fail(ErrorCode::kInvalid, "no author of a mark:",
                fmt::format("{} (allowed: at most {} bytes of UTF-8 without control characters)",
                            in_quotes(author), kLongestAuthor));
  }
  return {};
}

Result<void> check_quantity(std::string_view key, double value, std::string_view unit) {
  if (!is_key(key)) {
    return fail(ErrorCode::kInvalid, "no name of a quantity:",
                fmt::format("{} (allowed: a letter or _, then letters, digits and _, at most {})",
                            in_quotes(key), kLongestKey));
  }
  if (!std::isfinite(value)) {
    return fail(ErrorCode::kInvalid,
                "no value of a quantity:", fmt::format("{} (allowed: a finite number)", value));
  }
  if (!is_printable(unit, kLongestUnit)) {
    return fail(ErrorCode::kInvalid, "no unit:",
                fmt::format("{} (allowed: at most {} bytes of UTF-8 without control characters)",
                            in_quotes(unit), kLongestUnit));
  }
  return {};
}

}  // namespace framelog
