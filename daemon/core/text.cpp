#include "core/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace framelog {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::size_t kQuotedBytes = 60;

unsigned byte_of(char character) noexcept { return static_cast<unsigned char>(character); }

// Length and smallest code point that a first byte announces, so that overlong forms are refused.
std::size_t announced_length(unsigned first) noexcept {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  if (first >= 0xF0 && first < 0xF5) return 4;
  return 0;
}

// The second byte decides on overlong forms, surrogates and what is beyond U+10FFFF.
bool second_byte_fits(unsigned first, unsigned second) noexcept {
  if (second < 0x80 || second > 0xBF) return false;
  switch (first) {
    case 0xE0:
      return second >= 0xA0;
    case 0xED:
      return second <= 0x9F;
    case 0xF0:
      return second >= 0x90;
    case 0xF4:
      return second <= 0x8F;
    default:
      return true;
  }
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_control(char character) noexcept {
  return byte_of(character) < 0x20 || byte_of(character) == 0x7F;
}

bool is_digit(char character) noexcept { return character >= '0' && character <= '9'; }

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const unsigned first = byte_of(text[0]);
  const std::size_t length = announced_length(first);
  if (length <= 1) return length;
  if (text.size() < length || !second_byte_fits(first, byte_of(text[1]))) return 0;
  for (const char character : text.substr(2, length - 2)) {
    if ((byte_of(character) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string_view cut_utf8(std::string_view text, std::size_t limit_bytes) noexcept {
  if (text.size() <= limit_bytes) return text;
  while (limit_bytes > 0 && (byte_of(text[limit_bytes]) & 0xC0U) == 0x80U) --limit_bytes;
  return text.substr(0, limit_bytes);
}

std::string one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || is_control(text[0])) {
      line += fmt::format("\\x{:02x}", byte_of(text[0]));
    } else {
      line += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return line;
}

std::string in_quotes(std::string_view text) {
  const std::string_view shown = cut_utf8(text, kQuotedBytes);
  return '"' + one_line(shown) + (shown.size() < text.size() ? "...\"" : "\"");
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& character : result) {
    if (character >= 'A' && character <= 'Z')
      character = static_cast<char>(character + ('a' - 'A'));
  }
  return result;
}

}  // namespace framelog
