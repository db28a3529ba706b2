#pragma once

#include <span>

#include "core/option.hpp"

namespace framelog {

/// Every key of the configuration that no driver owns: [instrument], [source], [ring], [record],
/// [product.NAME], [detector.NAME], [files], [roll], [realtime] and [log]. A key enters with the
/// code that makes it work.
[[nodiscard]] std::span<const OptionSpec> recording_options();

/// Of these, [product.NAME] and [detector.NAME].
[[nodiscard]] std::span<const OptionSpec> product_options() noexcept;

}  // namespace framelog
