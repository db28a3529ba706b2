#pragma once

#include <string>
#include <string_view>

#include "core/accounting.hpp"
#include "core/result.hpp"

namespace framelog {

/// {"received": n, ..., "dropped": {reason: n}, "lost_at_source": {reason: n}}
[[nodiscard]] std::string accounting_json(const Accounting& accounting);
/// The same back; what is missing is 0. Errors: kCorrupt.
[[nodiscard]] Result<Accounting> read_accounting(std::string_view json);

}  // namespace framelog
