#include "formats/mib_settings.hpp"

#include <algorithm>
#include <charconv>

#include "core/text.hpp"

namespace framelog {

MibSettings parse_mib_settings(std::string_view text) {
  MibSettings settings;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("End")) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = trim(line.substr(colon + 1));
    if (value.ends_with('\r')) value = trim(value.substr(0, value.size() - 1));
    settings.emplace_back(one_line(trim(line.substr(0, colon))), one_line(value));
  }
  return settings;
}

std::uint32_t mib_number_of(const MibSettings& settings, std::string_view name) noexcept {
  for (const auto& [key, value] : settings) {
    if (!key.starts_with(name)) continue;
    std::uint32_t number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && stop == value.data() + value.size()) return number;
  }
  return 0;
}

std::uint32_t mib_frames_announced(const MibSettings& settings) noexcept {
  return mib_number_of(settings, "Frames in Acquisition");
}

/// One trigger per row, as scan engines give them, unless the settings say more.
std::optional<std::pair<std::uint32_t, std::uint32_t>> mib_scan_of(const MibSettings& settings,
                                                                   std::uint64_t frames) noexcept {
  std::uint32_t columns = mib_number_of(settings, "ScanX");
  std::uint32_t rows = mib_number_of(settings, "ScanY");
  if (columns == 0 || rows == 0) {
    columns = mib_number_of(settings, "Frames per Trigger");
    // With a trigger for each frame, or one for all, nothing is known of rows.
    if (columns <= 1 || columns >= frames) return std::nullopt;
    rows = mib_frames_announced(settings) / columns;
  }
  if (std::uint64_t{rows} * columns != frames) return std::nullopt;
  return std::pair(rows, columns);
}

}  // namespace framelog
