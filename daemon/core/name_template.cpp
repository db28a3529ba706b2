#include "core/name_template.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/option.hpp"
#include "core/text.hpp"
#include "core/time_format.hpp"

namespace framelog {
namespace {

enum class FieldKind : std::uint8_t { kText, kNumber, kTime };

struct FieldFacts {
  std::string_view name;
  FieldKind kind;
  bool segment;   ///< Of the names of recordings.
  bool exported;  ///< Of the names of exports.
};

constexpr std::array<FieldFacts, 39> kFields{{
    {"instrument", FieldKind::kText, true, true},    {"product", FieldKind::kText, true, true},
    {"run", FieldKind::kNumber, true, true},         {"segment", FieldKind::kNumber, true, false},
    {"start", FieldKind::kTime, true, true},         {"utc", FieldKind::kTime, true, true},
    {"local", FieldKind::kTime, true, true},         {"host", FieldKind::kText, true, false},
    {"driver", FieldKind::kText, true, false},       {"serial", FieldKind::kText, true, true},
    {"width", FieldKind::kNumber, true, true},       {"height", FieldKind::kNumber, true, true},
    {"dtype", FieldKind::kText, true, true},         {"bin", FieldKind::kText, true, true},
    {"roi", FieldKind::kText, true, true},           {"t_start", FieldKind::kNumber, false, true},
    {"t_stop", FieldKind::kNumber, false, true},     {"sy_start", FieldKind::kNumber, false, true},
    {"sy_stop", FieldKind::kNumber, false, true},    {"sx_start", FieldKind::kNumber, false, true},
    {"sx_stop", FieldKind::kNumber, false, true},    {"y_start", FieldKind::kNumber, true, true},
    {"y_stop", FieldKind::kNumber, true, true},      {"x_start", FieldKind::kNumber, true, true},
    {"x_stop", FieldKind::kNumber, true, true},      {"frame", FieldKind::kNumber, true, true},
    {"slice_index", FieldKind::kNumber, true, true}, {"sample", FieldKind::kText, true, true},
    {"operator", FieldKind::kText, true, true},      {"title", FieldKind::kText, false, true},
    {"detector", FieldKind::kText, true, true},      {"inner", FieldKind::kNumber, true, true},
    {"outer", FieldKind::kNumber, true, true},       {"unit", FieldKind::kText, false, true},
    {"dataset_dir", FieldKind::kText, false, true},  {"nickname", FieldKind::kText, false, true},
    {"result_type", FieldKind::kText, false, true},  {"format", FieldKind::kText, false, true},
    {"snapshot", FieldKind::kText, false, true},
}};

bool is_of(const FieldFacts& field, NamePurpose purpose) noexcept {
  return purpose == NamePurpose::kSegment ? field.segment : field.exported;
}

constexpr std::size_t kMostComponentBytes = 200;
constexpr std::size_t kMostComponents = 8;
constexpr std::size_t kMostNumberBytes = 20;  // "-9223372036854775808"
constexpr std::size_t kMostTextWidth = 64;
constexpr std::string_view kUnsafe = "\\:*?\"<>|";
constexpr std::string_view kDefaultTime = "%Y%m%d_%H%M%S";
constexpr std::string_view kUnknown = "unknown";

const FieldFacts* find_field(std::string_view name, NamePurpose purpose) noexcept {
  const auto* found = std::ranges::find(kFields, name, &FieldFacts::name);
  return found == kFields.end() || !is_of(*found, purpose) ? nullptr : found;
}

bool is_unsafe(char character) noexcept {
  return character == '/' || is_control(character) || kUnsafe.contains(character);
}

bool is_word_character(char character) noexcept {
  return is_digit(character) || (character >= 'a' && character <= 'z') ||
         (character >= 'A' && character <= 'Z') || character == '_' || character == '-';
}

std::string made_safe(std::string_view value) {
  std::string safe;
  while (!value.empty()) {
    const std::size_t length = utf8_length(value);
    if (length == 0 || is_unsafe(value[0])) {
      safe += '_';
    } else {
      safe += value.substr(0, length);
    }
    value.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return safe;
}

std::size_t count_characters(std::string_view text) noexcept {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(std::max<std::size_t>(utf8_length(text), 1));
  return count;
}

std::optional<std::size_t> width_of(std::string_view text, std::size_t most) noexcept {
  std::size_t width = 0;
  for (const char character : text) {
    if (!is_digit(character)) return std::nullopt;
    width = width * 10 + static_cast<std::size_t>(character - '0');
    if (width > most) return std::nullopt;
  }
  return width == 0 ? std::nullopt : std::optional(width);
}

std::vector<std::string_view> field_names(NamePurpose purpose) {
  std::vector<std::string_view> names;
  names.reserve(kFields.size());
  for (const FieldFacts& field : kFields) {
    if (is_of(field, purpose)) names.push_back(field.name);
  }
  return names;
}

std::string field_list(NamePurpose purpose) {
  return fmt::format("fields: {}", fmt::join(field_names(purpose), " "));
}

std::string unknown_field(std::string_view name, NamePurpose purpose) {
  const std::string nearest = nearest_word(name, field_names(purpose));
  return fmt::format("unknown field {} ({}{})", in_quotes(name),
                     nearest.empty() ? "" : fmt::format("did you mean \"{}\"? ", nearest),
                     field_list(purpose));
}

bool may_end_component(char character) noexcept { return character != '.' && character != ' '; }

struct RenderedPart {
  std::string text;
  bool may_shorten{};
};

// Texts give way, so that the numbers and times that make a name unique stay whole.
std::string join_component(std::vector<RenderedPart>& parts) {
  const auto shown_bytes = [](const RenderedPart& part) {
    return part.may_shorten ? part.text.size() : 0;
  };
  while (true) {
    std::size_t total = 0;
    for (const RenderedPart& part : parts) total += part.text.size();
    const auto longest = std::ranges::max_element(parts, {}, shown_bytes);
    if (total <= kMostComponentBytes || shown_bytes(*longest) == 0) break;
    const std::size_t excess = std::min(total - kMostComponentBytes, longest->text.size());
    longest->text = cut_utf8(longest->text, longest->text.size() - excess);
  }
  std::string component;
  for (const RenderedPart& part : parts) component += part.text;
  parts.clear();
  if (component.empty()) return std::string(kUnknown);
  if (!may_end_component(component.front())) component.front() = '_';
  if (!may_end_component(component.back())) component.back() = '_';
  return component;
}

}  // namespace

/// Reads a template from left to right; the first fault ends it.
class NameParser {
 public:
  NameParser(std::string_view text, NamePurpose purpose) : text_(text), purpose_(purpose) {}

  Result<NameTemplate> parse() {
    if (!is_utf8(text_)) refuse(0, "the template is not UTF-8");
    while (fault_.empty() && position_ < text_.size()) take_piece();
    if (fault_.empty()) end_component();
    if (fault_.empty()) check_whole();
    if (!fault_.empty()) {
      const std::size_t column = count_characters(text_.substr(0, fault_at_)) + 1;
      return fail(ErrorCode::kInvalid, "name template,",
                  fmt::format("column {}: {}", column, one_line(fault_)));
    }
    result_.text_ = text_;
    return std::move(result_);
  }

 private:
  using Piece = NameTemplate::Piece;

  void refuse(std::size_t at, std::string message) {
    fault_at_ = at;
    fault_ = std::move(message);
  }

  void take_piece() {
    const std::string_view rest = text_.substr(position_);
    if (rest.starts_with("{{") || rest.starts_with("}}")) {
      add_literal(rest.substr(0, 1));
      position_ += 2;
    } else if (rest[0] == '{') {
      take_field();
    } else if (rest[0] == '}') {
      refuse(position_, R"(lone "}" (a brace in the name is written "}}"))");
    } else if (rest[0] == '/') {
      end_component();
      result_.pieces_.emplace_back().literal = "/";
      component_at_ = ++position_;
    } else {
      take_character(rest);
    }
  }

  void take_character(std::string_view rest) {
    const std::size_t length = utf8_length(rest);
    if (is_unsafe(rest[0])) {
      refuse(position_, fmt::format("{} cannot be in a file name on every system (these "
                                    "cannot: \\ : * ? \" < > | and control characters)",
                                    in_quotes(rest.substr(0, 1))));
      return;
    }
    add_literal(rest.substr(0, length));
    position_ += length;
  }

  void add_literal(std::string_view text) {
    if (component_bytes_ == 0 && !may_end_component(text[0])) {
      refuse(position_, "a name may not begin with a dot or a blank, nor be \"..\"");
      return;
    }
    std::vector<Piece>& pieces = result_.pieces_;
    if (pieces.empty() || !pieces.back().field.empty() || pieces.back().literal == "/") {
      pieces.emplace_back();
    }
    pieces.back().literal += text;
    component_bytes_ += text.size();
  }

  void take_field() {
    const std::size_t end = text_.find('}', position_);
    const std::size_t next = text_.find('{', position_ + 1);
    if (end == std::string_view::npos || next < end) {
      refuse(position_, R"("{" is not closed (a brace in the name is written "{{"))");
      return;
    }
    const std::string_view inside = text_.substr(position_ + 1, end - position_ - 1);
    const std::size_t colon = inside.find(':');
    const std::string_view name = inside.substr(0, colon);
    const FieldFacts* field = find_field(name, purpose_);
    if (field == nullptr) {
      refuse(position_ + 1, unknown_field(name, purpose_));
      return;
    }
    Piece piece;
    piece.field = name;
    const bool has_spec = colon != std::string_view::npos;
    const std::string_view spec = has_spec ? inside.substr(colon + 1) : std::string_view{};
    const std::size_t spec_at = position_ + 1 + name.size() + (has_spec ? 1 : 0);
    if (has_spec && spec.empty()) {
      refuse(spec_at, "nothing behind \":\"");
      return;
    }
    if (field->kind == FieldKind::kTime) {
      take_time_spec(piece, has_spec ? spec : kDefaultTime, spec_at);
    } else if (field->kind == FieldKind::kNumber) {
      take_number_spec(piece, spec, spec_at);
    } else {
      take_text_spec(piece, spec, spec_at);
    }
    unique_ = unique_ || name == "segment" || name == "frame";
    result_.pieces_.push_back(std::move(piece));
    position_ = end + 1;
  }

  void take_time_spec(Piece& piece, std::string_view spec, std::size_t at) {
    const auto* bad = std::ranges::find_if(
        spec, [](char character) { return character == '/' || is_control(character); });
    if (bad != spec.end()) {
      refuse(at + static_cast<std::size_t>(bad - spec.begin()),
             "a time may not hold \"/\" or a control character (directories are parted "
             "between fields: {start:%Y}/{start:%m})");
      return;
    }
    const auto facts = check_time_format(spec);
    if (!facts) {
      refuse(at + facts.error().offset, facts.error().message);
      return;
    }
    if (piece.field == "utc") utc_parts_ |= facts->parts;
    if (piece.field == "local") local_parts_ |= facts->parts;
    piece.time_format = spec;
    component_bytes_ += facts->most_bytes;
  }

  void take_number_spec(Piece& piece, std::string_view spec, std::size_t at) {
    std::string_view digits = spec;
    if (digits.ends_with('d')) digits.remove_suffix(1);
    if (!digits.empty()) {
      const auto width =
          digits.starts_with('0') ? width_of(digits, kMostNumberBytes) : std::nullopt;
      if (!width) {
        refuse(at, fmt::format("bad format {} for the number \"{}\" (such as 04: padded "
                               "with zeros to a width from 1 to 20)",
                               in_quotes(spec), piece.field));
        return;
      }
      piece.width = *width;
    }
    component_bytes_ += kMostNumberBytes;
  }

  void take_text_spec(Piece& piece, std::string_view spec, std::size_t at) {
    constexpr std::string_view kAligns = "<>^";
    component_bytes_ += 1;
    if (spec.empty()) return;
    std::string_view digits = spec;
    if (digits.size() > 1 && kAligns.contains(digits[1]) && is_word_character(digits[0])) {
      piece.fill = digits[0];
      digits.remove_prefix(1);
    }
    if (kAligns.contains(digits[0])) {
      piece.align = digits[0];
      digits.remove_prefix(1);
    }
    const auto width = digits.starts_with('0') ? std::nullopt : width_of(digits, kMostTextWidth);
    if (!width) {
      refuse(at, fmt::format("bad format {} for the text \"{}\" (such as >12 or _<12: a "
                             "letter, digit, _ or - to fill with, < > or ^, and a width "
                             "from 1 to 64)",
                             in_quotes(spec), piece.field));
      return;
    }
    piece.width = *width;
  }

  void end_component() {
    if (component_bytes_ == 0) {
      refuse(component_at_, component_at_ == 0 && text_.starts_with('/')
                                ? "an absolute path (names are relative to the base)"
                                : "an empty name between two \"/\" or at the end");
      return;
    }
    const Piece& last = result_.pieces_.back();
    if (last.field.empty() && !may_end_component(last.literal.back())) {
      refuse(position_ - 1, "a name may not end in a dot or a blank");
      return;
    }
    if (component_bytes_ > kMostComponentBytes) {
      refuse(component_at_, fmt::format("this name can take {} bytes (at most {})",
                                        component_bytes_, kMostComponentBytes));
      return;
    }
    if (++components_ > kMostComponents) {
      refuse(component_at_, fmt::format("more than {} names deep", kMostComponents));
      return;
    }
    component_bytes_ = 0;
  }

  void check_whole() {
    if (purpose_ == NamePurpose::kExport) return;
    if (unique_ || tells_the_second(utc_parts_) || tells_the_second(local_parts_)) return;
    refuse(0,
           "names would not be unique (one of {segment}, {frame}, or {utc} or {local} with date "
           "and time to the second has to be there; " +
               field_list(purpose_) + ")");
  }

  std::string_view text_;
  NamePurpose purpose_;
  std::size_t position_{};
  std::size_t component_at_{};     ///< Where the current component begins.
  std::size_t component_bytes_{};  ///< What it can take, its texts at their shortest.
  std::size_t components_{};
  unsigned utc_parts_{};
  unsigned local_parts_{};
  bool unique_{};
  std::size_t fault_at_{};
  std::string fault_;
  NameTemplate result_;
};

Result<NameTemplate> NameTemplate::parse(std::string_view text, NamePurpose purpose) {
  return NameParser(text, purpose).parse();
}

bool NameTemplate::has_field(std::string_view name) const noexcept {
  return std::ranges::find(pieces_, name, &Piece::field) != pieces_.end();
}

std::string NameTemplate::render_value(const Piece& piece, const NameFields& fields) {
  const auto found = fields.find(piece.field);
  if (found == fields.end()) return std::string(kUnknown);
  if (const auto* number = std::get_if<std::int64_t>(&found->second)) {
    return fmt::format("{:0{}}", *number, piece.width);
  }
  if (const auto* time = std::get_if<NameTime>(&found->second)) {
    const std::string_view format = piece.time_format.empty() ? kDefaultTime : piece.time_format;
    return made_safe(format_time(format, time->utc_ns, time->local));
  }
  const auto& value = std::get<std::string>(found->second);
  const std::string text = made_safe(value.empty() ? kUnknown : value);
  const std::size_t characters = count_characters(text);
  const std::size_t padding = piece.width > characters ? piece.width - characters : 0;
  std::size_t before = piece.align == '>' ? padding : 0;
  if (piece.align == '^') before = padding / 2;
  return std::string(before, piece.fill) + text + std::string(padding - before, piece.fill);
}

std::filesystem::path NameTemplate::render(const NameFields& fields) const {
  std::filesystem::path path;
  std::vector<RenderedPart> parts;
  for (const Piece& piece : pieces_) {
    if (piece.literal == "/") {
      path /= join_component(parts);
    } else if (!piece.field.empty()) {
      const auto found = fields.find(piece.field);
      const bool text = found != fields.end() && std::holds_alternative<std::string>(found->second);
      parts.push_back({render_value(piece, fields), text});
    } else {
      parts.push_back({piece.literal, false});
    }
  }
  path /= join_component(parts);
  return path;
}

}  // namespace framelog
