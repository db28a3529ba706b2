#pragma once

#include <span>
#include <string>

#include "core/option.hpp"
#include "core/settings.hpp"

namespace framelog {

/// The effective configuration as one INI text in an order that depends on nothing but its
/// sections, keys and values: what provenance keeps and hashes. Reading it again gives the same
/// text.
[[nodiscard]] std::string effective_text(const Settings& settings);

/// What was written, without the defaults, in the order in which its sections first appeared:
/// reading it again gives the same configuration.
[[nodiscard]] std::string written_text(const Settings& settings);

/// As effective_text(), each value with the file and line that it came from, for `config show`.
[[nodiscard]] std::string show(const Settings& settings);

/// The tables of all options as Markdown, for `config reference`.
[[nodiscard]] std::string reference(std::span<const std::span<const OptionSpec>> tables);

}  // namespace framelog
