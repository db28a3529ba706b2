#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace framelog {

/// What to do about a base that cannot be written to, in one line: for a service of systemd whose
/// sandbox or rights are in the way, the drop-in to add; else what a base has to be.
[[nodiscard]] std::string base_advice(const Error& error, std::string_view instrument,
                                      bool is_service);

/// Whether systemd started this program.
[[nodiscard]] bool started_by_systemd() noexcept;

}  // namespace framelog
