#include "service/command_words.hpp"

#include <fmt/format.h>

namespace framelog {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Reads on behind an opening quotation mark; the number of characters up to behind the closing
/// one, 0 where there is none.
std::size_t read_quoted(std::string_view rest, char quote, std::string& word) {
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == quote) return i + 1;
    const bool escapes = quote == '"' && rest[i] == '\\' && i + 1 < rest.size() &&
                         (rest[i + 1] == '"' || rest[i + 1] == '\\');
    if (escapes) ++i;
    word += rest[i];
  }
  return 0;
}

}  // namespace

std::expected<std::vector<std::string>, std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_blank(c)) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '\'' || c == '"') {
      const std::size_t read = read_quoted(text.substr(i + 1), c, words.back());
      if (read == 0)
        return std::unexpected(fmt::format("the {} of column {} has no end", c, i + 1));
      i += read;
    } else if (c == '\\') {
      if (i + 1 == text.size()) return std::unexpected(std::string("nothing follows the last \\"));
      words.back() += text[++i];
    } else {
      words.back() += c;
    }
  }
  return words;
}

}  // namespace framelog
