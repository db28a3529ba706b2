#pragma once

#include <expected>
#include <filesystem>
#include <vector>

#include "command/command_line.hpp"
#include "command/control_client.hpp"
#include "config/configuration.hpp"
#include "pipeline/catalog_keeper.hpp"

namespace framelog {

/// All directories that an instrument's files go to, the general one first.
[[nodiscard]] std::vector<std::filesystem::path> bases_of(const Configuration& configuration);

/// Where its catalog is, and what goes into it. Of a wrong configuration as far as it can be read.
[[nodiscard]] CatalogSettings catalog_settings(const Configuration& configuration);

/// Of the instrument that -i or --config choose. Errors: neither does, the configuration is wrong.
[[nodiscard]] std::expected<CatalogSettings, ControlFailure> find_catalog(const CommandLine& line);

}  // namespace framelog
