#pragma once

#include <string>

#include "config/configuration.hpp"

namespace framelog {

/// Every value that holds with the place where it was written, and what is wrong: {"instrument":
/// ..., "values": [{"section", "key", "value", "origin"}], "errors": [...]}. On one line without an
/// indentation.
[[nodiscard]] std::string configuration_json(const Configuration& configuration, int indent = -1);

}  // namespace framelog
