#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "config/reader.hpp"

namespace framelog {

/// The name of the instrument that a configuration file is for: its stem. The error says what a
/// name may be made of.
[[nodiscard]] std::expected<std::string, std::string> instrument_name(
    const std::filesystem::path& file);

/// The file, then FILE.d/*.conf in order of name, then the values of --set: later wins. What cannot
/// be read has a fault and no entries.
[[nodiscard]] std::vector<IniFile> read_layers(const std::filesystem::path& file,
                                               std::span<const std::string> overrides);

}  // namespace framelog
