#include "core/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::string_view kDefault = "default";

}  // namespace

std::string to_string(const Origin& origin) {
  return origin.line == 0 ? origin.file : fmt::format("{}:{}", origin.file, origin.line);
}

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

void Settings::add_section(std::string_view section, const Origin& origin) {
  const auto same = std::ranges::find(sections_, section, &Section::name);
  if (same == sections_.end()) {
    sections_.push_back({std::string(section), origin});
  } else if (same->origin.line == 0) {
    same->origin = origin;
  }
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
  for (const auto& [section, origin] : sections_) {
    if (section.size() > kind.size() + 1 && section.starts_with(kind) &&
        section[kind.size()] == '.') {
      names.push_back(section.substr(kind.size() + 1));
    }
  }
  return names;
}

std::vector<std::pair<std::string, const Setting*>> Settings::family(std::string_view section,
                                                                     std::string_view kind) const {
  std::vector<std::pair<std::string, const Setting*>> members;
  for (const Setting& setting : settings_) {
    const std::string& key = setting.key;
    if (setting.section == section && key.size() > kind.size() + 1 && key.starts_with(kind) &&
        key[kind.size()] == '.') {
      members.emplace_back(key.substr(kind.size() + 1), &setting);
    }
  }
  return members;
}

std::vector<std::string> Settings::sections() const {
  std::vector<std::string> names;
  names.reserve(sections_.size());
  for (const Section& section : sections_) names.push_back(section.name);
  return names;
}

std::string Settings::place(const Complaint& complaint) const {
  const std::string name = complaint.key.empty() ? "[" + complaint.section + "]"
                                                 : complaint.section + "." + complaint.key;
  std::string text = one_line(name + ": " + complaint.message);
  const Setting* setting = find(complaint.section, complaint.key);
  if (setting != nullptr && setting->origin.file != kDefault) {
    return one_line(to_string(setting->origin)) + ": " + text;
  }
  const auto section = std::ranges::find(sections_, complaint.section, &Section::name);
  if (section == sections_.end() || section->origin.line == 0) return text;
  return one_line(to_string(section->origin)) + ": " + text;
}

}  // namespace framelog
