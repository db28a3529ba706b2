#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/accounting.hpp"

namespace framelog {

/// The equation with its numbers: "103 received = 100 recorded + 3 dropped (ring-full 3); 2 lost at
/// source (sequence-gap 2)". Where it does not add up, it says by how much.
[[nodiscard]] std::string accounting_text(const Accounting& accounting);

/// Every number with its name, dropped and lost ones as "dropped.REASON" and
/// "lost_at_source.REASON" where there are any.
[[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> accounting_values(
    const Accounting& accounting);

}  // namespace framelog
