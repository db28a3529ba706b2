#pragma once

#include <string_view>

namespace framelog {

[[nodiscard]] std::string_view program_version() noexcept;  ///< "0.1.0"
[[nodiscard]] std::string_view
git_commit() noexcept;  ///< As configured; "unknown" outside a checkout.
[[nodiscard]] std::string_view build_kind() noexcept;  ///< "Release, GNU 12.2.0, x86_64"

}  // namespace framelog
