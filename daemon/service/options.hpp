#pragma once

#include <span>
#include <vector>

#include "core/option.hpp"
#include "core/settings.hpp"

namespace framelog {

/// Keys of [control] and [alert]. A key enters with the code that makes it work.
[[nodiscard]] std::span<const OptionSpec> service_options() noexcept;

/// What is wrong in their meaning.
void check_service(const Settings& settings, std::vector<Complaint>& complaints);

}  // namespace framelog
