#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace framelog {

/// Splits a command line into words as a shell would, and does nothing else that a shell does:
/// words are separated by blanks, '...' keeps all, "..." all but \" and \\, and \ behind none of
/// them keeps the next character. The error says what is wrong.
[[nodiscard]] std::expected<std::vector<std::string>, std::string> split_words(
    std::string_view text);

}  // namespace framelog
