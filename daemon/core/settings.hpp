#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/option.hpp"

namespace framelog {

/// Where a value came from: a file and line, "--set" or "default" with line 0.
struct Origin {
  std::string file;
  int line{};
};

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
  /// Makes a section known although it has no key.
  void add_section(std::string_view section);

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

  /// "FILE:LINE: section.key: message", or without a place where none is known.
  [[nodiscard]] std::string place(const Complaint& complaint) const;

 private:
  std::vector<Setting> settings_;
  std::vector<std::string> sections_;
};

}  // namespace framelog
