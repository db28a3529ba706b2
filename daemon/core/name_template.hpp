#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.hpp"

namespace framelog {

/// A point in time as a name shows it: `local` chooses the machine's time zone over UTC.
struct NameTime {
  std::int64_t utc_ns{};
  bool local{};
};

/// What one segment's name is made of: a number, a text, or a time for each field that it has.
using NameFields =
    std::map<std::string, std::variant<std::int64_t, std::string, NameTime>, std::less<>>;

/// A parsed naming scheme, e.g. "{start:%Y%m%d}/{instrument}_{segment:04}". The only maker of file
/// names.
class NameTemplate {
 public:
  /// Errors: kInvalid with the column (from 1) and what is allowed there: unknown field (lists
  /// those there are), bad spec for the field's kind, lone brace, "..", absolute path, empty
  /// component, a component that can exceed 200 bytes, a template that cannot be unique (no
  /// `segment`, `frame`, or seconds of `utc`/`local`).
  [[nodiscard]] static Result<NameTemplate> parse(std::string_view text);

  /// Relative path without extension. Same fields, same name. Values are made safe for file
  /// systems: each of / \ : * ? " < > | and control characters becomes _; a leading dot of a
  /// component too; a field that is missing is "unknown". A component is cut to 200 bytes at a
  /// UTF-8 boundary.
  [[nodiscard]] std::filesystem::path render(const NameFields& fields) const;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  struct Piece {
    std::string literal;  ///< Used where `field` is empty.
    std::string field;
    std::string spec;
  };
  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace framelog
