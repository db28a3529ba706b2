#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/frame.hpp"
#include "core/scan.hpp"

namespace framelog {

enum class RollAlign : std::uint8_t { kNone, kHour, kDay, kScan };

/// When a segment ends: at the first of these.
struct RollPolicy {
  std::int64_t max_bytes{std::int64_t{1} << 30U};
  std::chrono::nanoseconds max_duration{std::chrono::hours{1}};
  std::optional<std::int64_t> max_frames;
  RollAlign align{RollAlign::kNone};  ///< Wall clock, in local time; or whole scans.
  std::optional<Scan> scan;           ///< With kScan.
};

/// Frames that space is reserved for: what fits `max_bytes` (pixels, record and columns of each
/// frame), but not more than `max_frames` or than a source of `rate_hz` can deliver in
/// `max_duration`, or than a scan has where segments are whole scans. At least one.
[[nodiscard]] std::int64_t segment_capacity(const RollPolicy& policy, std::size_t frame_bytes,
                                            std::optional<double> rate_hz) noexcept;

/// What space is reserved for with compression: frames as many as they may become, and bytes of
/// them when packed. A segment is full by either.
struct PackedCapacity {
  std::int64_t frames{};
  std::int64_t bytes{};
};
/// `max_bytes` is of the file, with the rows of all frames. At least one frame.
[[nodiscard]] PackedCapacity packed_segment_capacity(const RollPolicy& policy,
                                                     std::size_t frame_bytes,
                                                     std::optional<double> rate_hz) noexcept;

/// Says for each frame whether it begins a new segment. Owned by one open segment. Allocates
/// nothing.
class RollClock {
 public:
  RollClock(const RollPolicy& policy, const FrameInfo& first);
  /// The reason to end before `frame`: "duration", "hour", "day" or "scan"; empty: it still belongs
  /// here.
  [[nodiscard]] std::string_view due(const FrameInfo& frame) const noexcept;

 private:
  std::int64_t end_monotonic_ns_;
  std::int64_t boundary_utc_ns_;
  std::int64_t first_utc_ns_;
  RollAlign align_;
  std::optional<Scan> scan_;
  std::uint64_t first_scan_{};
};

}  // namespace framelog
