#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framelog {

/// What a Merlin says of an acquisition: in the .hdr beside a .mib, or ahead of the frames on the
/// wire. Lines "key:<tab>value" behind "HDR,", up to "End", padded. In its order, each on one line.
using MibSettings = std::vector<std::pair<std::string, std::string>>;

/// "HDR,": what it begins with.
inline constexpr std::string_view kMibSettingsMagic = "HDR,";

/// Takes every line that has a colon; whatever else there is is left out. Threads: any.
[[nodiscard]] MibSettings parse_mib_settings(std::string_view text);
/// The number of the first setting whose name begins with `name`; 0: there is none.
[[nodiscard]] std::uint32_t mib_number_of(const MibSettings& settings,
                                          std::string_view name) noexcept;
/// "Frames in Acquisition (Number)"; 0: not told.
[[nodiscard]] std::uint32_t mib_frames_announced(const MibSettings& settings) noexcept;
/// Rows x columns of a scan of `frames` points, where the settings tell of one.
[[nodiscard]] std::optional<std::pair<std::uint32_t, std::uint32_t>> mib_scan_of(
    const MibSettings& settings, std::uint64_t frames) noexcept;

}  // namespace framelog
