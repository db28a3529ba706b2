#pragma once

#include <expected>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace framelog {

/// One option of a command that has a table of its own. All texts are static.
struct OptionRow {
  std::string_view name;   ///< "output-folder"; "instrument,i" with a short form.
  std::string_view value;  ///< "DIR"; empty: none; "[=N]": may be left out, else behind a "=".
  std::string_view group;  ///< "Result": rows of one group stand together.
  std::string_view help;   ///< One sentence without a full stop.
  bool several{};          ///< May be repeated.
};

/// What was given: words, still unread.
class GivenOptions {
 public:
  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  /// Of the last; empty where it was not given, or without a value.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

  /// "--NAME=VALUE" for every option but those.
  [[nodiscard]] std::vector<std::string> words_without(
      std::span<const std::string_view> names) const;

  std::vector<std::string> operands;

 private:
  friend std::expected<GivenOptions, std::string> read_options(
      std::span<const OptionRow> table, const std::vector<std::string>& arguments);
  std::map<std::string, std::vector<std::string>, std::less<>> values_;  // No value: a flag.
};

/// Sorts words into options and operands. "-5" is a value or an operand. The error, one line, names
/// the option, and the one that may be meant.
[[nodiscard]] std::expected<GivenOptions, std::string> read_options(
    std::span<const OptionRow> table, const std::vector<std::string>& arguments);

/// Where the first word is that neither is an option nor the value of one of `with_value` ("-i",
/// "--config"); the number of words where there is none.
[[nodiscard]] std::size_t first_operand(const std::vector<std::string>& arguments,
                                        std::span<const std::string_view> with_value);

/// The options in short, a paragraph for each group in lines of at most 96 columns.
[[nodiscard]] std::string options_at_a_glance(std::span<const OptionRow> table);
/// The options in full, one or more lines for each.
[[nodiscard]] std::string options_in_full(std::span<const OptionRow> table);

}  // namespace framelog
