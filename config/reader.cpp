#include "config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class IniReader {
 public:
  explicit IniReader(std::string name) { file_.name = std::move(name); }

  IniFile read(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    while (!text.empty() && !ended_) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++line_;
      take_line(trim(line));
    }
    return std::move(file_);
  }

 private:
  void take_line(std::string_view line) {
    if (line.contains('\0')) {
      ended_ = true;
      add_fault("a NUL byte: this is not a text file");
    } else if (line.starts_with('[')) {
      take_section(line);
    } else if (!line.empty() && line[0] != '#' && line[0] != ';') {
      take_entry(line);
    }
  }

  void take_section(std::string_view line) {
    const std::string_view name =
        line.ends_with(']') ? trim(line.substr(1, line.size() - 2)) : std::string_view{};
    in_section_ = true;
    section_ = name;
    if (name.empty() || name.find_first_of("[]") != std::string_view::npos) {
      section_known_ = false;
      add_fault(
          fmt::format("{} is not a section (a line of its own such as [source])", in_quotes(line)));
      return;
    }
    section_known_ = true;
    file_.sections.push_back({section_, line_});
  }

  void take_entry(std::string_view line) {
    const std::size_t equals = line.find('=');
    const std::string_view key = trim(line.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      add_fault(
          fmt::format("{} is neither [section] nor key = value nor a comment", in_quotes(line)));
    } else if (!in_section_) {
      add_fault(
          fmt::format("the key {} stands before any section (a section such as [source] "
                      "has to come first)",
                      in_quotes(key)));
    } else if (section_known_) {
      add_entry(key, trim(line.substr(equals + 1)));
    }
  }

  void add_entry(std::string_view key, std::string_view value) {
    const auto first = std::ranges::find_if(file_.entries, [&](const IniEntry& entry) {
      return entry.section == section_ && entry.key == key;
    });
    if (first != file_.entries.end()) {
      add_fault(fmt::format("{}.{}: given twice (first in line {})", section_, key, first->line));
      return;
    }
    file_.entries.push_back({section_, std::string(key), std::string(value), line_});
  }

  void add_fault(std::string message) { file_.faults.push_back({line_, std::move(message)}); }

  IniFile file_;
  std::string section_;
  bool in_section_{};
  bool section_known_{};  ///< Keys below a malformed header say nothing; the header was reported.
  bool ended_{};
  int line_{};
};

}  // namespace

IniFile read_ini(std::string_view text, std::string name) {
  return IniReader(std::move(name)).read(text);
}

IniFile read_overrides(std::span<const std::string> overrides) {
  IniFile file;
  file.name = "--set";
  for (const std::string_view text : overrides) {
    const std::size_t equals = text.find('=');
    const std::string_view name = trim(text.substr(0, equals));
    const std::size_t dot = name.rfind('.');
    if (equals == std::string_view::npos || dot == std::string_view::npos || dot == 0 ||
        dot + 1 == name.size()) {
      file.faults.push_back({0, in_quotes(text) + " is not section.key=value"});
      continue;
    }
    const std::string section(trim(name.substr(0, dot)));
    const std::string key(trim(name.substr(dot + 1)));
    const std::string value(trim(text.substr(equals + 1)));
    std::erase_if(file.entries, [&](const IniEntry& entry) {
      return entry.section == section && entry.key == key;
    });
    file.entries.push_back({section, key, value, 0});
  }
  return file;
}

}  // namespace framelog
