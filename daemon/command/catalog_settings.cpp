#include "command/catalog_settings.hpp"

#include <utility>

#include "command/instrument.hpp"
#include "pipeline/recording_plan.hpp"

namespace framelog {

std::vector<std::filesystem::path> bases_of(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  std::vector<std::filesystem::path> bases{base_of(settings, configuration.instrument)};
  for (const std::string& name : settings.names_of("product")) {
    const auto* base = settings.get<std::string>("product." + name, "base");
    if (base != nullptr) bases.emplace_back(*base);
  }
  return bases;
}

CatalogSettings catalog_settings(const Configuration& configuration) {
  CatalogSettings catalog{configuration.instrument, {}, {}, false};
  std::error_code error;
  for (const auto& base : bases_of(configuration)) {
    catalog.bases.push_back(std::filesystem::absolute(base, error).lexically_normal());
  }
  catalog.file = catalog_path(configuration.instrument, configuration.file, catalog.bases.front());
  const auto* checksum = configuration.settings.get<std::string>("files", "checksum");
  catalog.digests = checksum != nullptr && *checksum == "sha256";
  return catalog;
}

std::expected<CatalogSettings, ControlFailure> find_catalog(const CommandLine& line) {
  if (line.config.empty()) {
    return std::unexpected(
        ControlFailure{kExitUsage, {"framelog: of which instrument? (-i NAME, or --config FILE)"}});
  }
  const auto tables = all_options();
  const Configuration configuration = load_configuration(line.config, line.overrides, tables);
  if (!configuration.errors.empty()) {
    return std::unexpected(ControlFailure{kExitUsage, configuration.errors});
  }
  return catalog_settings(configuration);
}

}  // namespace framelog
