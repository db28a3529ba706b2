#pragma once

#include <cstddef>
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

/// Whose names: those of segments have to tell one from every other; exports know other fields, and
/// whether their names meet is found out when they are planned.
enum class NamePurpose : std::uint8_t { kSegment, kExport };

/// A parsed naming scheme, e.g. "{start:%Y%m%d}/{instrument}_{segment:04}". The only maker of file
/// names.
///
///   template  = { text | "{{" | "}}" | "/" | "{" field [ ":" spec ] "}" }
///   numbers     run segment width height y_start y_stop x_start x_stop frame slice_index inner
///               outer; spec: d, 0W or 0Wd with W from 1 to 20, padded with zeros
///   texts       instrument product host driver serial dtype bin roi sample operator detector;
///               spec: [[fill] < or > or ^] W with W from 1 to 64; fill is one of A-Z a-z 0-9 _ -
///               and is _ by default, align is < by default
///   times       start (UTC, of the run), utc and local (of the segment's first frame); spec: text
///               and %Y %y %m %b %B %d %j %a %A %u %H %I %p %M %S %F %T %R %s %z %Z %%, and %f for
///               microseconds; %Y%m%d_%H%M%S by default
///
/// Exports have no segment, host and driver, but the numbers t_start t_stop sy_start sy_stop
/// sx_start sx_stop and the texts dataset_dir nickname result_type format snapshot title unit.
class NameTemplate {
 public:
  /// Errors: kInvalid with the column (from 1, in characters) and what is allowed there: unknown
  /// field (lists those there are), bad spec for the field's kind, lone brace, a character that no
  /// name may have, a component that is empty, starts with a dot or a blank or ends in one,
  /// absolute path, more than 8 components, a component that can exceed 200 bytes when its texts
  /// are at their shortest, a template that cannot be unique (no `segment`, no `frame`, and neither
  /// `utc` nor `local` with date and time to the second).
  [[nodiscard]] static Result<NameTemplate> parse(std::string_view text,
                                                  NamePurpose purpose = NamePurpose::kSegment);

  /// Relative path without extension. Same fields, same name. Values are made safe for file
  /// systems: each of / \ : * ? " < > |, control characters and bytes that are not UTF-8 become _;
  /// so does a dot or blank that a component would begin or end with. A field that is missing or
  /// empty is "unknown". A component is kept to 200 bytes by cutting its longest text at a UTF-8
  /// boundary, so that numbers and times stay whole.
  [[nodiscard]] std::filesystem::path render(const NameFields& fields) const;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool has_field(std::string_view name) const noexcept;

 private:
  friend class NameParser;
  struct Piece {
    std::string literal;  ///< Used where `field` is empty; "/" alone parts two components.
    std::string field;
    std::size_t width{};  ///< Of a number or text, in characters.
    char fill{'_'};
    char align{'<'};
    std::string time_format;
  };
  [[nodiscard]] static std::string render_value(const Piece& piece, const NameFields& fields);

  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace framelog
