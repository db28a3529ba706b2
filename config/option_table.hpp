#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/option.hpp"

namespace framelog {

/// The tables of all rooms as one. Knows no key but [source] driver, by which the rows that belong
/// to one driver are told apart; the drivers that there are are those that the rows name. The texts
/// of the tables are borrowed.
class OptionTable {
 public:
  explicit OptionTable(std::span<const std::span<const OptionSpec>> tables);
  ~OptionTable() = default;
  OptionTable(const OptionTable&) = delete;
  OptionTable& operator=(const OptionTable&) = delete;

  [[nodiscard]] std::span<const OptionSpec> rows() const noexcept { return rows_; }
  /// The section as the table spells it: "product.*" for "product.whole"; empty when unknown.
  [[nodiscard]] std::string_view pattern_of(std::string_view section) const noexcept;
  /// The row that `driver` has for a key ("control.*" for "control.gain"), or the row for all
  /// drivers; null when there is neither.
  [[nodiscard]] const OptionSpec* find(std::string_view pattern, std::string_view key,
                                       std::string_view driver) const noexcept;
  [[nodiscard]] bool has_driver(std::string_view driver) const noexcept;
  /// In the order of the tables, each once.
  [[nodiscard]] std::vector<std::string_view> sections() const;
  [[nodiscard]] std::vector<std::string_view> keys_of(std::string_view pattern,
                                                      std::string_view driver) const;

 private:
  std::vector<OptionSpec> rows_;
  std::string drivers_;  ///< Separated by spaces; the row of [source] driver borrows it.
};

inline constexpr std::string_view kSourceSection = "source";
inline constexpr std::string_view kDriverKey = "driver";

}  // namespace framelog
