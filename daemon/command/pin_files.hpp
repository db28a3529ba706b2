#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace framelog {

/// Pins segments in the catalog of an instrument: that of -i or --config, else the one that
/// recorded them where it is configured on this machine; else says that nothing was pinned. Returns
/// an ExitStatus.
[[nodiscard]] int pin_segments(const std::string& instrument, const std::string& config,
                               const std::string& recorded_by,
                               const std::vector<std::filesystem::path>& segments);

}  // namespace framelog
