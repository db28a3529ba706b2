#include "config/option_table.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace framelog {
namespace {

bool is_pattern(std::string_view name) noexcept { return name.ends_with(".*"); }

/// "control.gain" is one of "control.*".
bool is_key(const OptionSpec& row, std::string_view key) noexcept {
  if (!is_pattern(row.key)) return row.key == key;
  const std::string_view kind = row.key.substr(0, row.key.size() - 1);  // With its dot.
  return key.size() > kind.size() && key.starts_with(kind);
}

void add_once(std::vector<std::string_view>& list, std::string_view text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(text);
}

}  // namespace

OptionTable::OptionTable(std::span<const std::span<const OptionSpec>> tables) {
  std::vector<std::string_view> drivers;
  for (const std::span<const OptionSpec> table : tables) {
    for (const OptionSpec& row : table) {
      rows_.push_back(row);
      if (!row.driver.empty()) add_once(drivers, row.driver);
    }
  }
  std::ranges::sort(drivers);
  for (const std::string_view driver : drivers) {
    if (!drivers_.empty()) drivers_ += ' ';
    drivers_ += driver;
  }
  for (OptionSpec& row : rows_) {
    const bool names_drivers = row.section == kSourceSection && row.key == kDriverKey;
    if (names_drivers && row.allowed.empty()) row.allowed = drivers_;
  }
}

std::string_view OptionTable::pattern_of(std::string_view section) const noexcept {
  const std::string_view kind = section.substr(0, section.find('.'));
  for (const OptionSpec& row : rows_) {
    if (row.section == section && !is_pattern(row.section)) return row.section;
    const std::string_view named = row.section.substr(0, row.section.find('.'));
    if (is_pattern(row.section) && section.size() > kind.size() && named == kind) {
      return row.section;
    }
  }
  return {};
}

const OptionSpec* OptionTable::find(std::string_view pattern, std::string_view key,
                                    std::string_view driver) const noexcept {
  const OptionSpec* common = nullptr;
  for (const OptionSpec& row : rows_) {
    if (row.section != pattern || !is_key(row, key)) continue;
    if (!row.driver.empty() && row.driver == driver) return &row;
    if (row.driver.empty()) common = &row;
  }
  return common;
}

bool OptionTable::has_driver(std::string_view driver) const noexcept {
  const OptionSpec* row = find(kSourceSection, kDriverKey, {});
  return row != nullptr && !driver.empty() &&
         std::ranges::count(split(row->allowed, ' '), driver) != 0;
}

std::vector<std::string_view> OptionTable::sections() const {
  std::vector<std::string_view> sections;
  for (const OptionSpec& row : rows_) add_once(sections, row.section);
  return sections;
}

std::vector<std::string_view> OptionTable::keys_of(std::string_view pattern,
                                                   std::string_view driver) const {
  std::vector<std::string_view> keys;
  for (const OptionSpec& row : rows_) {
    if (row.section != pattern) continue;
    if (row.driver.empty() || row.driver == driver) add_once(keys, row.key);
  }
  return keys;
}

}  // namespace framelog
