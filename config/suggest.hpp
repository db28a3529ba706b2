#pragma once

#include <string>
#include <string_view>

#include "config/option_table.hpp"

namespace framelog {

/// Why a section is not accepted, with the nearest one there is; empty when it is.
[[nodiscard]] std::string section_fault(const OptionTable& table, std::string_view section);

/// Why a key that the table does not have for this section and driver is not accepted: it belongs
/// to another driver or to another section, or it is misspelt. `driver` may be unknown: empty.
[[nodiscard]] std::string key_fault(const OptionTable& table, std::string_view pattern,
                                    std::string_view key, std::string_view driver);

}  // namespace framelog
