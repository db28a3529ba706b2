#include "command/option_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "core/option.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

namespace po = boost::program_options;
using Texts = std::vector<std::string>;

constexpr std::size_t kColumns = 96;
constexpr std::size_t kGroupColumns = 9;
constexpr std::size_t kHelpColumn = 30;

std::string_view long_name(const OptionRow& row) noexcept {
  return row.name.substr(0, row.name.find(','));
}

bool may_lack_value(const OptionRow& row) noexcept { return row.value.starts_with("[="); }

po::options_description description_of(std::span<const OptionRow> table) {
  po::options_description all;
  for (const OptionRow& row : table) {
    const std::string name(row.name);
    if (row.value.empty()) {
      all.add_options()(name.c_str(), "");
    } else {
      all.add_options()(name.c_str(), po::value<Texts>()->composing(), "");
    }
  }
  all.add_options()("words", po::value<Texts>());
  return all;
}

po::option made_of(std::string key, std::string value, Texts& rest) {
  po::option made;
  made.string_key = std::move(key);
  made.value.push_back(std::move(value));
  made.original_tokens.push_back(rest.front());
  rest.erase(rest.begin());
  return made;
}

/// "-5" is an operand: no option is a digit. An option that may lack its value takes none from the
/// words behind it.
std::vector<po::option> read_first(std::span<const OptionRow> table, Texts& rest) {
  const std::string first = rest.front();
  if (first.size() > 1 && first[0] == '-' && (is_digit(first[1]) || first[1] == '.')) {
    return {made_of("", first, rest)};
  }
  if (!first.starts_with("--")) return {};
  const auto found = std::ranges::find(table, first.substr(2), long_name);
  if (found == table.end() || !may_lack_value(*found)) return {};
  return {made_of(first.substr(2), "", rest)};
}

std::string unknown_option(std::span<const OptionRow> table, const std::string& given) {
  std::vector<std::string_view> known;
  for (const OptionRow& row : table) known.push_back(long_name(row));
  const std::size_t dashes = std::min(given.find_first_not_of('-'), given.size());
  const std::string nearest = nearest_word(given.substr(dashes), known);
  return fmt::format("unknown option {}{}", in_quotes(given),
                     nearest.empty() ? "" : ", did you mean --" + nearest + "?");
}

std::expected<po::variables_map, std::string> parse(std::span<const OptionRow> table,
                                                    const Texts& arguments) {
  const po::options_description all = description_of(table);
  po::positional_options_description words;
  words.add("words", -1);
  po::variables_map given;
  try {
    using Style = po::command_line_style::style_t;
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(words)
                  .style(Style::unix_style & ~Style::allow_guessing)
                  .extra_style_parser([table](Texts& rest) { return read_first(table, rest); })
                  .run(),
              given);
  } catch (const po::unknown_option& error) {
    return std::unexpected(unknown_option(table, error.get_option_name()));
  } catch (const po::error& error) {
    return std::unexpected(one_line(error.what()));
  }
  return given;
}

std::string shown_name(const OptionRow& row) {
  if (row.value.empty()) return fmt::format("--{}", long_name(row));
  if (may_lack_value(row)) return fmt::format("--{}{}", long_name(row), row.value);
  return fmt::format("--{} {}", long_name(row), row.value);
}

}  // namespace

const std::string& GivenOptions::text(std::string_view name) const {
  static const std::string kNone;
  const auto found = values_.find(name);
  return found == values_.end() || found->second.empty() ? kNone : found->second.back();
}

std::vector<std::string> GivenOptions::all(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? Texts{} : found->second;
}

std::vector<std::string> GivenOptions::words_without(
    std::span<const std::string_view> names) const {
  Texts words;
  for (const auto& [name, texts] : values_) {
    if (std::ranges::find(names, name) != names.end()) continue;
    if (texts.empty()) words.push_back("--" + name);
    for (const std::string& text : texts) {
      words.push_back(text.empty() ? "--" + name : fmt::format("--{}={}", name, text));
    }
  }
  return words;
}

std::expected<GivenOptions, std::string> read_options(std::span<const OptionRow> table,
                                                      const std::vector<std::string>& arguments) {
  const auto parsed = parse(table, arguments);
  if (!parsed) return std::unexpected(parsed.error());
  GivenOptions given;
  for (const OptionRow& row : table) {
    const std::string name(long_name(row));
    if (!parsed->contains(name)) continue;
    Texts texts;
    if (!row.value.empty()) texts = (*parsed)[name].as<Texts>();
    if (texts.size() > 1 && !row.several) {
      return std::unexpected(
          fmt::format("--{} is there {} times (once is allowed)", name, texts.size()));
    }
    if (!row.value.empty() && !may_lack_value(row) &&
        std::ranges::any_of(texts, &std::string::empty)) {
      return std::unexpected(fmt::format("--{} is empty (it takes {})", name, row.value));
    }
    given.values_[name] = std::move(texts);
  }
  if (parsed->contains("words")) given.operands = (*parsed)["words"].as<Texts>();
  if (std::ranges::any_of(given.operands, &std::string::empty)) {
    return std::unexpected(std::string("a name is empty"));
  }
  return given;
}

std::size_t first_operand(const std::vector<std::string>& arguments,
                          std::span<const std::string_view> with_value) {
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    if (std::ranges::find(with_value, arguments[at]) != with_value.end()) {
      ++at;
    } else if (!arguments[at].starts_with('-')) {
      return at;
    }
  }
  return arguments.size();
}

std::string options_at_a_glance(std::span<const OptionRow> table) {
  std::string text;
  std::string_view group;
  std::size_t column = 0;
  for (const OptionRow& row : table) {
    const std::string name = shown_name(row);
    if (row.group != group) {
      group = row.group;
      if (!text.empty()) text += '\n';
      text += fmt::format("{:<{}}", group, kGroupColumns);
      column = kGroupColumns;
    } else if (column + 2 + name.size() > kColumns) {
      text += fmt::format("\n{:<{}}", "", kGroupColumns);
      column = kGroupColumns;
    }
    text += "  " + name;
    column += 2 + name.size();
  }
  return text + '\n';
}

std::string options_in_full(std::span<const OptionRow> table) {
  std::string text;
  std::string_view group;
  for (const OptionRow& row : table) {
    if (row.group != group) {
      group = row.group;
      text += fmt::format("{}{}\n", text.empty() ? "" : "\n", group);
    }
    std::string line = fmt::format("  {:<{}}", shown_name(row), kHelpColumn - 2);
    // At least two blanks stand before what it means.
    if (!line.ends_with("  ")) {
      line.erase(line.find_last_not_of(' ') + 1);
      line += fmt::format("\n{:<{}}", "", kHelpColumn);
    }
    std::size_t column = kHelpColumn;
    bool first = true;
    for (const std::string_view word : split(row.help, ' ')) {
      if (!first && column + 1 + word.size() > kColumns) {
        line += fmt::format("\n{:<{}}", "", kHelpColumn);
        column = kHelpColumn;
        first = true;
      }
      if (!first) line += ' ';
      line += word;
      column += word.size() + (first ? 0 : 1);
      first = false;
    }
    text += line + '\n';
  }
  return text;
}

}  // namespace framelog
