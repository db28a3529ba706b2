#include "core/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace framelog {

void Settings::put(Setting setting) {
  add_section(setting.section);
  const auto same = std::ranges::find_if(settings_, [&](const Setting& other) {
    return other.section == setting.section && other.key == setting.key;
  });
  if (same != settings_.end()) {
    *same = std::move(setting);
  } else {
    settings_.push_back(std::move(setting));
  }
}

void Settings::add_section(std::string_view section) {
  if (std::ranges::find(sections_, section) == sections_.end()) sections_.emplace_back(section);
}

const Setting* Settings::find(std::string_view section, std::string_view key) const noexcept {
  for (const Setting& setting : settings_) {
    if (setting.section == section && setting.key == key) return &setting;
  }
  return nullptr;
}

bool Settings::is_word(std::string_view section, std::string_view key,
                       std::string_view word) const noexcept {
  const Word* value = get<Word>(section, key);
  return value != nullptr && value->text == word;
}

std::vector<std::string> Settings::names_of(std::string_view kind) const {
  std::vector<std::string> names;
  for (const std::string& section : sections_) {
    if (section.size() > kind.size() + 1 && section.starts_with(kind) &&
        section[kind.size()] == '.') {
      names.push_back(section.substr(kind.size() + 1));
    }
  }
  return names;
}

std::string Settings::place(const Complaint& complaint) const {
  const std::string name = complaint.key.empty() ? "[" + complaint.section + "]"
                                                 : complaint.section + "." + complaint.key;
  const Setting* setting = find(complaint.section, complaint.key);
  if (setting == nullptr || setting->origin.file == "default")
    return name + ": " + complaint.message;
  if (setting->origin.line == 0) {
    return fmt::format("{}: {}: {}", setting->origin.file, name, complaint.message);
  }
  return fmt::format("{}:{}: {}: {}", setting->origin.file, setting->origin.line, name,
                     complaint.message);
}

}  // namespace framelog
