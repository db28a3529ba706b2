#include "config/suggest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::size_t kLongestName = 64;

bool is_name_character(char character) noexcept {
  return (character >= 'a' && character <= 'z') || is_digit(character) || character == '_' ||
         character == '-';
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known,
                         std::string_view before, std::string_view behind) {
  const std::string nearest = nearest_word(word, known);
  if (nearest.empty()) return {};
  return fmt::format("did you mean {}{}{}? ", before, nearest, behind);
}

std::string section_list(const OptionTable& table) {
  std::string list = "sections:";
  for (const std::string_view section : table.sections()) {
    const std::string_view kind = section.substr(0, section.find('.'));
    list += kind == section ? fmt::format(" [{}]", section) : fmt::format(" [{}.NAME]", kind);
  }
  return list;
}

std::vector<std::string_view> kinds_of(const OptionTable& table) {
  std::vector<std::string_view> kinds = table.sections();
  for (std::string_view& kind : kinds) kind = kind.substr(0, kind.find('.'));
  return kinds;
}

std::string unknown_section(const OptionTable& table, std::string_view section) {
  const std::size_t dot = section.find('.');
  const std::string_view behind = dot == std::string_view::npos ? "" : section.substr(dot);
  const std::string kind(section.substr(0, dot));
  if (behind.empty() && !table.pattern_of(kind + ".x").empty()) {
    return fmt::format("needs a name ([{}.NAME])", kind);
  }
  if (!behind.empty() && !table.pattern_of(kind).empty()) {
    return fmt::format("takes no name ([{}])", kind);
  }
  return fmt::format("unknown section ({}{})",
                     did_you_mean(kind, kinds_of(table), "[", one_line(behind) + "]"),
                     section_list(table));
}

/// The drivers that know a key, e.g. "aravis or v4l2".
std::string drivers_with(const OptionTable& table, std::string_view pattern, std::string_view key) {
  std::vector<std::string_view> drivers;
  for (const OptionSpec& row : table.rows()) {
    if (!row.driver.empty() && table.find(pattern, key, row.driver) == &row) {
      drivers.push_back(row.driver);
    }
  }
  return fmt::format("{}", fmt::join(drivers, " or "));
}

/// The other sections that have a key, e.g. "[files] or [product.NAME]".
std::string sections_with(const OptionTable& table, std::string_view key) {
  std::vector<std::string> sections;
  for (const std::string_view section : table.sections()) {
    const auto keys = table.keys_of(section, {});
    if (std::ranges::find(keys, key) == keys.end()) continue;
    const bool named = section.ends_with(".*");
    sections.push_back(named ? fmt::format("[{}.NAME]", section.substr(0, section.size() - 2))
                             : fmt::format("[{}]", section));
  }
  return fmt::format("{}", fmt::join(sections, " or "));
}

}  // namespace

std::string section_fault(const OptionTable& table, std::string_view section) {
  const std::string_view pattern = table.pattern_of(section);
  if (pattern.empty()) return unknown_section(table, section);
  if (pattern == section) return {};
  const std::string_view name = section.substr(pattern.size() - 1);
  const bool fits =
      !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, is_name_character);
  if (fits) return {};
  return fmt::format("the name {} is not allowed (1 to {} of a-z 0-9 _ -)", in_quotes(name),
                     kLongestName);
}

std::string key_fault(const OptionTable& table, std::string_view pattern, std::string_view key,
                      std::string_view driver) {
  const std::string drivers = drivers_with(table, pattern, key);
  if (!drivers.empty() && !key.ends_with(".*")) {
    return fmt::format("belongs to driver {}, but driver is {}", drivers, driver);
  }
  const std::string sections = sections_with(table, key);
  if (!sections.empty()) return fmt::format("does not belong here (it does in {})", sections);
  const std::vector<std::string_view> keys = table.keys_of(pattern, driver);
  std::vector<std::string> spelt;
  for (const std::string_view each : keys) spelt.push_back(key_text(each));
  return fmt::format("unknown key ({}keys: {})", did_you_mean(key, keys, "\"", "\""),
                     fmt::join(spelt, " "));
}

}  // namespace framelog
