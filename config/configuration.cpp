#include "config/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/layers.hpp"
#include "config/option_table.hpp"
#include "config/suggest.hpp"
#include "config/validator.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::string_view kProductPattern = "product.*";
constexpr std::string_view kOnlyProduct = "product.frames";
constexpr std::string_view kDefaultOrigin = "default";

class Loader {
 public:
  Loader(std::span<const std::span<const OptionSpec>> tables, std::vector<IniFile> layers)
      : table_(tables), validator_(table_.rows()), layers_(std::move(layers)) {}

  void load(Configuration& result) {
    choose_driver();
    for (const IniFile& layer : layers_) take_layer(layer);
    require_driver();
    put_defaults();
    result.settings = std::move(settings_);
    for (IniFault& fault : faults_) result.errors.push_back(std::move(fault.message));
  }

 private:
  // Which keys [source] has depends on the driver, wherever it was written last.
  void choose_driver() {
    for (const IniFile& layer : layers_) {
      for (const IniEntry& entry : layer.entries) {
        if (entry.section != kSourceSection || entry.key != kDriverKey) continue;
        driver_written_ = true;
        driver_ = table_.has_driver(entry.value) ? entry.value : "";
      }
    }
  }

  void take_layer(const IniFile& layer) {
    const auto first = static_cast<std::ptrdiff_t>(faults_.size());
    for (const IniFault& fault : layer.faults) {
      unread_ = unread_ || (fault.line == 0 && !is_override(layer));
      add_fault({layer.name, fault.line}, fault.message);
    }
    for (const IniSection& section : layer.sections) {
      const std::string fault = section_fault(table_, section.name);
      const Origin origin{layer.name, section.line};
      if (fault.empty()) {
        settings_.add_section(section.name, origin);
      } else {
        add_fault(origin, fmt::format("[{}]: {}", section.name, fault));
      }
    }
    for (const IniEntry& entry : layer.entries) take_entry(layer, entry);
    std::stable_sort(faults_.begin() + first, faults_.end(),
                     [](const IniFault& a, const IniFault& b) { return a.line < b.line; });
  }

  /// In --set only the table tells where the section of "source.control.gain" ends.
  [[nodiscard]] IniEntry with_family(const IniEntry& entry) const {
    const std::size_t dot = entry.section.find('.');
    if (dot == std::string::npos || !table_.pattern_of(entry.section).empty()) return entry;
    IniEntry other = entry;
    other.section = entry.section.substr(0, dot);
    other.key = entry.section.substr(dot + 1) + "." + entry.key;
    const OptionSpec* row = table_.find(table_.pattern_of(other.section), other.key, driver_);
    return row == nullptr ? entry : other;
  }

  void take_entry(const IniFile& layer, const IniEntry& written) {
    const IniEntry entry = is_override(layer) ? with_family(written) : written;
    const Origin origin{layer.name, entry.line};
    const std::string name = entry.section + "." + entry.key;
    const std::string wrong_section = section_fault(table_, entry.section);
    if (!wrong_section.empty()) {
      // In a file the line of the section's header was reported, once for all of its keys.
      if (is_override(layer)) add_fault(origin, fmt::format("{}: {}", name, wrong_section));
      return;
    }
    const std::string_view pattern = table_.pattern_of(entry.section);
    const bool is_pattern = entry.key.ends_with(".*");
    const OptionSpec* row = is_pattern ? nullptr : table_.find(pattern, entry.key, driver_);
    if (row == nullptr) {
      if (!depends_on_driver(pattern, entry.key)) {
        add_fault(origin,
                  fmt::format("{}: {}", name, key_fault(table_, pattern, entry.key, driver_)));
      }
      return;
    }
    auto value = validator_.check(*row, entry.value);
    if (!value) {
      add_fault(origin, fmt::format("{}: {}{}", name, value.error(), comment_hint(entry.value)));
      return;
    }
    settings_.put({entry.section, entry.key, entry.value, *std::move(value), origin});
  }

  // Without a valid driver nothing can be said about a key that only some drivers have.
  [[nodiscard]] bool depends_on_driver(std::string_view pattern, std::string_view key) const {
    return driver_.empty() && std::ranges::any_of(table_.rows(), [&](const OptionSpec& row) {
             return row.section == pattern && !row.driver.empty() &&
                    table_.find(pattern, key, row.driver) == &row;
           });
  }

  static std::string_view comment_hint(std::string_view value) {
    const bool has_comment =
        value.find(" #") != std::string_view::npos || value.find(" ;") != std::string_view::npos;
    return has_comment ? "; comments stand on lines of their own" : "";
  }

  void require_driver() {
    const OptionSpec* row = table_.find(kSourceSection, kDriverKey, {});
    if (row == nullptr || driver_written_ || unread_) return;
    add_fault({layers_.front().name, 0}, fmt::format("{}.{}: is required ({})", kSourceSection,
                                                     kDriverKey, allowed_text(*row)));
  }

  void put_defaults() {
    const std::vector<std::string_view> patterns = table_.sections();
    if (std::ranges::find(patterns, kProductPattern) != patterns.end() &&
        settings_.names_of("product").empty()) {
      settings_.add_section(kOnlyProduct);
    }
    for (const std::string_view pattern : patterns) {
      if (!pattern.ends_with(".*")) {
        put_defaults_of(pattern, std::string(pattern));
        continue;
      }
      for (const std::string& section : settings_.sections()) {
        if (table_.pattern_of(section) == pattern) put_defaults_of(pattern, section);
      }
    }
  }

  void put_defaults_of(std::string_view pattern, const std::string& section) {
    const Origin origin{std::string(kDefaultOrigin), 0};
    for (const std::string_view key : table_.keys_of(pattern, driver_)) {
      const OptionSpec* row = table_.find(pattern, key, driver_);
      if (row->default_text.empty() || settings_.find(section, key) != nullptr) continue;
      const std::string text(row->default_text);
      auto value = validator_.check(*row, text);
      if (!value) {
        add_fault(origin, fmt::format("{}.{}: {}", section, key, value.error()));
        continue;
      }
      settings_.put({section, std::string(key), text, *std::move(value), origin});
    }
  }

  [[nodiscard]] bool is_override(const IniFile& layer) const { return &layer == &layers_.back(); }

  void add_fault(const Origin& origin, std::string_view message) {
    faults_.push_back({origin.line, one_line(to_string(origin) + ": " + std::string(message))});
  }

  OptionTable table_;
  Validator validator_;
  std::vector<IniFile> layers_;  ///< The last one is --set.
  std::string driver_;           ///< Empty: not written, or not one that there is.
  bool driver_written_{};
  bool unread_{};  ///< A file could not be read: what it would have said is not missing.
  Settings settings_;
  std::vector<IniFault> faults_;  ///< With their place already in the message.
};

}  // namespace

Configuration load_configuration(const std::filesystem::path& file,
                                 std::span<const std::string> overrides,
                                 std::span<const std::span<const OptionSpec>> tables) {
  Configuration result;
  result.file = file;
  if (auto name = instrument_name(file)) {
    result.instrument = *std::move(name);
  } else {
    result.errors.push_back(one_line(file.string() + ": " + name.error()));
  }
  Loader(tables, read_layers(file, overrides)).load(result);
  return result;
}

}  // namespace framelog
