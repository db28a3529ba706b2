#include "drivers/fault_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/option.hpp"

namespace framelog {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr double kLongestSeconds = 30.0 * 86400.0;
constexpr std::uint64_t kMaxNumber = std::uint64_t{1} << 62U;

enum class Argument : std::uint8_t { kNone, kCount, kTime, kSignedTime, kSize };

struct Form {
  std::string_view word;
  FaultKind kind;
  Argument argument;
  std::string_view usage;
  bool at_frame{true};  ///< Else it happens once, before the first frame.
};

constexpr std::array<Form, 10> kForms{{
    {"lose", FaultKind::kLose, Argument::kCount, "lose COUNT at FRAME"},
    {"stall", FaultKind::kStall, Argument::kTime, "stall TIME at FRAME"},
    {"disconnect", FaultKind::kDisconnect, Argument::kTime, "disconnect TIME at FRAME"},
    {"corrupt", FaultKind::kCorrupt, Argument::kNone, "corrupt at FRAME"},
    {"incomplete", FaultKind::kIncomplete, Argument::kNone, "incomplete at FRAME"},
    {"step", FaultKind::kStep, Argument::kSignedTime, "step TIME at FRAME"},
    {"resize", FaultKind::kResize, Argument::kSize, "resize HEIGHTxWIDTH at FRAME"},
    {"absent", FaultKind::kAbsent, Argument::kTime, "absent TIME", false},
    {"silent", FaultKind::kSilent, Argument::kNone, "silent at FRAME"},
    {"hang", FaultKind::kHang, Argument::kNone, "hang at FRAME"},
}};

/// A part of the script, and where it begins.
struct Piece {
  std::string_view text;
  std::size_t column{};
};

std::unexpected<std::string> complain(std::size_t column, std::string_view message) {
  return std::unexpected(fmt::format("column {}: {}", column, message));
}

std::unexpected<std::string> complain(const Piece& piece, std::string_view message) {
  return complain(piece.column, message);
}

Piece trimmed(Piece piece) {
  const std::size_t first = piece.text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {{}, piece.column};
  const std::size_t last = piece.text.find_last_not_of(kBlanks);
  return {piece.text.substr(first, last - first + 1), piece.column + first};
}

/// Takes the first word off `rest`.
Piece take_word(Piece& rest) {
  rest = trimmed(rest);
  const std::size_t length = std::min(rest.text.find_first_of(kBlanks), rest.text.size());
  const Piece word{rest.text.substr(0, length), rest.column};
  rest = trimmed({rest.text.substr(length), rest.column + length});
  return word;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number > kMaxNumber) return std::nullopt;
  return number;
}

std::optional<std::uint32_t> side_of(std::string_view text) {
  const auto number = number_of(text);
  if (!number || *number < 1 || *number > kMaxSidePx) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::expected<std::chrono::nanoseconds, std::string> time_of(Piece piece, bool with_sign) {
  const bool negative = with_sign && piece.text.starts_with('-');
  if (negative) piece = trimmed({piece.text.substr(1), piece.column + 1});
  OptionSpec spec{};
  spec.section = "source";
  spec.key = "faults";
  spec.type = OptionType::kDuration;
  spec.least = 0.0;
  spec.most = kLongestSeconds;
  const auto value = parse_value(spec, piece.text);
  if (!value) return complain(piece, value.error());
  const auto* length = std::get_if<std::chrono::nanoseconds>(&*value);
  if (length == nullptr) return complain(piece, "not a time (allowed: 250 ms, 2 s, 1 h)");
  return negative ? -*length : *length;
}

std::expected<void, std::string> read_argument(const Form& form, const Piece& piece, Fault& fault) {
  switch (form.argument) {
    case Argument::kNone:
      if (piece.text.empty()) return {};
      return complain(piece, fmt::format("'{}' is too much (allowed: {})", piece.text, form.usage));
    case Argument::kCount: {
      const auto count = number_of(piece.text);
      if (!count || *count == 0) {
        return complain(
            piece, fmt::format("'{}' is not a number of frames (allowed: 1 or more)", piece.text));
      }
      fault.frames = *count;
      return {};
    }
    case Argument::kTime:
    case Argument::kSignedTime: {
      const auto length = time_of(piece, form.argument == Argument::kSignedTime);
      if (!length) return std::unexpected(length.error());
      fault.length = *length;
      return {};
    }
    case Argument::kSize: {
      const std::size_t cross = std::min(piece.text.find('x'), piece.text.size());
      const auto height = side_of(trimmed({piece.text.substr(0, cross), 0}).text);
      const auto width =
          side_of(trimmed({piece.text.substr(std::min(cross + 1, piece.text.size())), 0}).text);
      if (!height || !width) {
        return complain(piece,
                        fmt::format("'{}' is not a size (allowed: HEIGHTxWIDTH, each 1 to {})",
                                    piece.text, kMaxSidePx));
      }
      fault.height_px = *height;
      fault.width_px = *width;
      return {};
    }
  }
  return {};
}

/// "WORD ARGUMENT at FRAME", or without a frame, where the argument may be empty or of several
/// words.
std::expected<Fault, std::string> read_fault(const Piece& statement) {
  Piece rest = statement;
  const Piece word = take_word(rest);
  const auto* form = std::ranges::find(kForms, word.text, &Form::word);
  if (form == kForms.end()) {
    std::string all;
    for (const Form& known : kForms) fmt::format_to(std::back_inserter(all), "; {}", known.usage);
    return complain(word, fmt::format("unknown fault '{}' (allowed: {})", word.text,
                                      std::string_view(all).substr(2)));
  }
  if (!form->at_frame) {
    Fault fault{.kind = form->kind};
    if (auto read = read_argument(*form, rest, fault); !read) return std::unexpected(read.error());
    return fault;
  }
  Piece argument{rest.text.substr(0, 0), rest.column};
  Piece next = take_word(rest);
  while (!next.text.empty() && next.text != "at") {
    const std::size_t end = next.column - argument.column + next.text.size();
    argument.text = statement.text.substr(argument.column - statement.column, end);
    next = take_word(rest);
  }
  if (next.text.empty()) {
    return complain(next, fmt::format("'at FRAME' is missing (allowed: {})", form->usage));
  }
  const auto at = number_of(rest.text);
  if (!at) {
    return complain(rest, fmt::format("'{}' is not a frame's number (allowed: 0 to {})", rest.text,
                                      kMaxNumber));
  }
  Fault fault{.kind = form->kind, .at = *at};
  if (auto read = read_argument(*form, argument, fault); !read) {
    return std::unexpected(read.error());
  }
  return fault;
}

}  // namespace

std::expected<std::vector<Fault>, std::string> parse_faults(std::string_view text) {
  std::vector<Fault> faults;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    const Piece statement = trimmed({text.substr(begin, end - begin), begin + 1});
    begin = end + 1;
    if (statement.text.empty()) {
      return complain(statement, "a fault is missing here (allowed: faults separated by ';')");
    }
    if (faults.size() == kMaxFaults) {
      return complain(statement, fmt::format("too many faults (allowed: {})", kMaxFaults));
    }
    auto fault = read_fault(statement);
    if (!fault) return std::unexpected(fault.error());
    faults.push_back(*fault);
  }
  std::ranges::stable_sort(faults, {}, &Fault::at);
  return faults;
}

}  // namespace framelog
