#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/option.hpp"
#include "core/settings.hpp"

namespace framelog {

/// What an instrument's files and --set say, checked against the tables of all rooms.
struct Configuration {
  std::filesystem::path file;
  std::string instrument;  ///< The stem of the file; empty where that is no name.
  Settings settings;       ///< What is right, even where something else is wrong.
  /// Everything that is wrong, each one line: "FILE:LINE: section.key: what (what is allowed)".
  std::vector<std::string> errors;
};

/// Reads FILE, FILE.d/*.conf and the values of --set ("section.key=value"), the later over the
/// earlier, and puts the tables' defaults where nothing was written. Knows no key but
/// [source] driver, which is required and chooses the rows of its driver. A section spelled
/// "product.*" in a table has its defaults in every [product.NAME]; where none was written there is
/// one named "frames". What the values mean is for the rooms to check afterwards.
[[nodiscard]] Configuration load_configuration(const std::filesystem::path& file,
                                               std::span<const std::string> overrides,
                                               std::span<const std::span<const OptionSpec>> tables);

}  // namespace framelog
