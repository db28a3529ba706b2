#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace framelog {

struct IniEntry {
  std::string section;
  std::string key;
  std::string value;  ///< All that stands behind the "=", trimmed; may be empty.
  int line{};
};

struct IniSection {
  std::string name;
  int line{};
};

struct IniFault {
  int line{};  ///< 0: the file as a whole.
  std::string message;
};

/// What one file says, before anything is known about its keys.
struct IniFile {
  std::string name;  ///< For people: the path, or "--set".
  std::vector<IniSection> sections;
  std::vector<IniEntry> entries;
  std::vector<IniFault> faults;  ///< In the order of the lines.
};

/// Reads "[section]", "key = value" and lines of comment, which begin with # or ;. A byte-order
/// mark and CR LF are accepted. Faults: a line that is none of these, a key before any section, a
/// key given twice, a NUL byte (which ends the reading: it is no text file).
[[nodiscard]] IniFile read_ini(std::string_view text, std::string name);

/// The values of --set, each "section.key=value"; the last dot before the "=" parts section and
/// key. A later one takes the place of an earlier one.
[[nodiscard]] IniFile read_overrides(std::span<const std::string> overrides);

}  // namespace framelog
