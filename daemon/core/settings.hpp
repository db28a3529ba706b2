#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/option.hpp"

namespace framelog {

/// Where a value came from: a file and line, "--set" or "default" with line 0.
struct Origin {
  std::string file;
  int line{};
};
/// "FILE:LINE", or the file alone where there is no line.
[[nodiscard]] std::string to_string(const Origin& origin);

struct Setting {
  std::string section;  ///< "product.whole"
  std::string key;
  std::string text;   ///< As written.
  OptionValue value;  ///< Already checked against its OptionSpec.
  Origin origin;
};

/// A wrong meaning that a room found in a value which is well-formed.
struct Complaint {
  std::string section;
  std::string key;      ///< May be empty: the section as a whole.
  std::string message;  ///< What is wrong (what is allowed).
};

/// The effective configuration: every value that was written, the later over the earlier, and the
/// defaults.
class Settings {
 public:
  /// Replaces an earlier value of the same section and key.
  void put(Setting setting);
  /// Makes a section known although it has no key; the first origin with a line stays.
  void add_section(std::string_view section, const Origin& origin = {.file = "default"});

  /// Null when neither written nor defaulted.
  [[nodiscard]] const Setting* find(std::string_view section, std::string_view key) const noexcept;
  /// The value, when it is there and of type T.
  template <class T>
  [[nodiscard]] const T* get(std::string_view section, std::string_view key) const noexcept {
    const Setting* setting = find(section, key);
    return setting == nullptr ? nullptr : std::get_if<T>(&setting->value);
  }
  /// The value of `section`, or else that of `parent` under the same key.
  template <class T>
  [[nodiscard]] const T* get(std::string_view section, std::string_view parent,
                             std::string_view key) const noexcept {
    const Setting* setting = find(section, key);
    if (setting == nullptr) setting = find(parent, key);
    return setting == nullptr ? nullptr : std::get_if<T>(&setting->value);
  }
  [[nodiscard]] bool is_word(std::string_view section, std::string_view key,
                             std::string_view word) const noexcept;
  /// NAME of each [kind.NAME], in the order in which they first appeared.
  [[nodiscard]] std::vector<std::string> names_of(std::string_view kind) const;
  [[nodiscard]] const std::vector<Setting>& all() const noexcept { return settings_; }
  /// NAME and setting of each KIND.NAME in a section, in the order in which they first appeared:
  /// family("source", "control") are those of "control.*". The settings are borrowed.
  [[nodiscard]] std::vector<std::pair<std::string, const Setting*>> family(
      std::string_view section, std::string_view kind) const;
  /// All sections, in the order in which they first appeared.
  [[nodiscard]] std::vector<std::string> sections() const;

  /// "FILE:LINE: section.key: message": the place of the key, or of its section's header where the
  /// key was not written; without a place where neither was. Always one line.
  [[nodiscard]] std::string place(const Complaint& complaint) const;

 private:
  std::vector<Setting> settings_;
  struct Section {
    std::string name;
    Origin origin;
  };
  std::vector<Section> sections_;
};

}  // namespace framelog
