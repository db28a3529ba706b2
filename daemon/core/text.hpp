#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace framelog {

/// Without spaces and tabs at both ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The parts between separators, each trimmed; at least one.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

[[nodiscard]] bool is_control(char character) noexcept;
[[nodiscard]] bool is_digit(char character) noexcept;

/// Bytes of the UTF-8 character that `text` begins with; 0 where it begins with none.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
/// At most `limit_bytes` of UTF-8 text, whole characters only.
[[nodiscard]] std::string_view cut_utf8(std::string_view text, std::size_t limit_bytes) noexcept;

/// On one line whatever it contains: control characters and bytes that are not UTF-8 as \xNN.
[[nodiscard]] std::string one_line(std::string_view text);
/// one_line() in double quotes and cut after 60 bytes, as error texts cite what was written.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// ASCII letters in lower case, the rest as it is.
[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace framelog
