#pragma once

#include <string>
#include <vector>

namespace framelog {

/// `framelog snapshot add|list|show|edit|delete|export`. Returns an ExitStatus.
[[nodiscard]] int snapshot_command(const std::vector<std::string>& arguments);

}  // namespace framelog
