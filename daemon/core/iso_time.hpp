#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace framelog {

/// Nanoseconds since 1970 of what iso_time() writes, and of the other usual forms of ISO 8601:
/// "2026-11-20T16:00:00.123456Z", a blank in place of T, any number of digits behind the second or
/// none, Z, +01:00 or nothing, which is UTC. None for anything else. Threads: any.
[[nodiscard]] std::optional<std::int64_t> utc_of_iso(std::string_view text) noexcept;

}  // namespace framelog
