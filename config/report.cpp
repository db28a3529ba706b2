#include "config/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "config/option_table.hpp"

namespace framelog {
namespace {

using Sections = std::map<std::string, std::map<std::string, const Setting*>>;

Sections sorted(const Settings& settings) {
  Sections sections;
  for (const std::string& name : settings.sections()) sections[name];
  for (const Setting& setting : settings.all()) sections[setting.section][setting.key] = &setting;
  return sections;
}

// A "|" would end the cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string result;
  for (const char character : text) {
    if (character == '|') result += '\\';
    result += character;
  }
  return result;
}

std::string default_cell(const OptionTable& table, const OptionSpec& row) {
  if (!row.default_text.empty()) return fmt::format("`{}`", cell(row.default_text));
  if (row.section == kSourceSection && row.key == kDriverKey) return "required";
  if (!row.section.ends_with(".*")) return "";
  for (const OptionSpec& other : table.rows()) {
    // A key of one driver means something else.
    if (other.key == row.key && !other.section.ends_with(".*") && other.driver.empty()) {
      return fmt::format("as in [{}]", other.section);
    }
  }
  return "";
}

std::string reference_row(const OptionTable& table, const OptionSpec& row) {
  const std::string driver = row.driver.empty() ? "" : fmt::format(" ({})", row.driver);
  return fmt::format("| `{}`{} | {} | {} | {} |\n", key_text(row.key), driver,
                     cell(allowed_text(row)), default_cell(table, row), cell(row.help));
}

}  // namespace

std::string effective_text(const Settings& settings) {
  std::string text;
  for (const auto& [section, keys] : sorted(settings)) {
    text += fmt::format("[{}]\n", section);
    for (const auto& [key, setting] : keys) text += fmt::format("{} = {}\n", key, setting->text);
  }
  return text;
}

std::string written_text(const Settings& settings) {
  std::string text;
  for (const std::string& section : settings.sections()) {
    text += fmt::format("[{}]\n", section);
    for (const Setting& setting : settings.all()) {
      if (setting.section != section || setting.origin.file == "default") continue;
      text += fmt::format("{} = {}\n", setting.key, setting.text);
    }
  }
  return text;
}

std::string show(const Settings& settings) {
  const Sections sections = sorted(settings);
  std::size_t width = 0;
  for (const Setting& setting : settings.all()) {
    width = std::max(width, setting.key.size() + setting.text.size());
  }
  // Long values would push all places out of sight.
  width = std::min<std::size_t>(width, 48);
  std::string text;
  for (const auto& [section, keys] : sections) {
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    for (const auto& [key, setting] : keys) {
      const std::string value = fmt::format("{} = {}", key, setting->text);
      text += fmt::format("{:<{}}  ({})\n", value, width + 3, to_string(setting->origin));
    }
  }
  return text;
}

std::string reference(std::span<const std::span<const OptionSpec>> tables) {
  const OptionTable table(tables);
  std::string text;
  for (const std::string_view section : table.sections()) {
    const bool named = section.ends_with(".*");
    const std::string_view kind = section.substr(0, section.size() - (named ? 2 : 0));
    text += fmt::format("{}## [{}{}]\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
                        text.empty() ? "" : "\n", kind, named ? ".NAME" : "");
    for (const OptionSpec& row : table.rows()) {
      if (row.section == section) text += reference_row(table, row);
    }
  }
  return text;
}

}  // namespace framelog
