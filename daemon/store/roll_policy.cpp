#include "store/roll_policy.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>

namespace framelog {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
/// Of a frame beside its pixels: its record, its time, and the columns made of them at the end.
constexpr std::int64_t kBytesPerRecord = 128 + 8 + 80;
/// A source can be a little faster than it says.
constexpr double kRateMargin = 1.05;
constexpr std::int64_t kSpareFrames = 16;
/// Finishing and recovery hold the records of a segment in memory: 128 MiB at most.
constexpr std::int64_t kMostFramesPerSegment = std::int64_t{1} << 20U;

/// The next full hour or midnight behind `utc_ns`, in local time.
std::int64_t boundary_after(std::int64_t utc_ns, RollAlign align) {
  if (align != RollAlign::kHour && align != RollAlign::kDay) return kNever;
  const std::time_t seconds = utc_ns / kNsPerSecond;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  local.tm_sec = 0;
  local.tm_min = 0;
  if (align == RollAlign::kHour) {
    // Counted from the instant, not from the broken-down hour, which daylight saving repeats or
    // leaves out.
    std::tm now{};
    ::localtime_r(&seconds, &now);
    return (seconds - now.tm_min * 60 - now.tm_sec + 3600) * kNsPerSecond;
  }
  local.tm_hour = 0;
  local.tm_mday += 1;
  local.tm_isdst = -1;
  return ::mktime(&local) * kNsPerSecond;
}

}  // namespace

std::int64_t segment_capacity(const RollPolicy& policy, std::size_t frame_bytes,
                              std::optional<double> rate_hz) noexcept {
  const std::int64_t per_frame = static_cast<std::int64_t>(frame_bytes) + kBytesPerRecord;
  std::int64_t frames = std::max(std::int64_t{1}, policy.max_bytes / per_frame);
  if (rate_hz) {
    const double seconds = std::chrono::duration<double>(policy.max_duration).count();
    const double expected = std::ceil(*rate_hz * seconds * kRateMargin);
    if (expected < static_cast<double>(frames - kSpareFrames)) {
      frames = static_cast<std::int64_t>(expected) + kSpareFrames;
    }
  }
  if (policy.scan) frames = std::min(frames, static_cast<std::int64_t>(policy.scan->points()));
  frames = std::min({frames, policy.max_frames.value_or(kNever), kMostFramesPerSegment});
  return std::max(std::int64_t{1}, frames);
}

PackedCapacity packed_segment_capacity(const RollPolicy& policy, std::size_t frame_bytes,
                                       std::optional<double> rate_hz) noexcept {
  // Rows are reserved for frames of this size. What is packed better still makes a smaller file.
  constexpr std::size_t kBestRatio = 64;
  constexpr std::size_t kLeastPacked = 512;
  const std::size_t least =
      std::max({std::size_t{1}, frame_bytes / kBestRatio, std::min(frame_bytes, kLeastPacked)});
  const auto whole = static_cast<std::int64_t>(frame_bytes);
  PackedCapacity capacity{segment_capacity(policy, least, rate_hz), 0};
  capacity.bytes =
      std::min(policy.max_bytes - capacity.frames * kBytesPerRecord, capacity.frames * whole);
  capacity.bytes = std::max(capacity.bytes, whole);
  return capacity;
}

RollClock::RollClock(const RollPolicy& policy, const FrameInfo& first)
    : end_monotonic_ns_(policy.max_duration.count() > kNever - first.monotonic_ns
                            ? kNever
                            : first.monotonic_ns + policy.max_duration.count()),
      boundary_utc_ns_(boundary_after(first.utc_ns, policy.align)),
      first_utc_ns_(first.utc_ns),
      align_(policy.align),
      scan_(policy.scan) {
  if (!scan_) return;
  const auto point = point_of(*scan_, first.source_sequence);
  first_scan_ = point ? point->scan : 0;
}

std::string_view RollClock::due(const FrameInfo& frame) const noexcept {
  if (frame.utc_ns >= boundary_utc_ns_) return align_ == RollAlign::kHour ? "hour" : "day";
  // A wall clock that was set back by more than an hour or a day left this segment's hour or day as
  // well.
  if (align_ == RollAlign::kHour || align_ == RollAlign::kDay) {
    const std::int64_t span = (align_ == RollAlign::kHour ? 3600 : 90000) * kNsPerSecond;
    if (frame.utc_ns < boundary_utc_ns_ - span && frame.utc_ns < first_utc_ns_) {
      return align_ == RollAlign::kHour ? "hour" : "day";
    }
  }
  if (scan_) {
    const auto point = point_of(*scan_, frame.source_sequence);
    if (point && point->scan != first_scan_) return "scan";
  }
  if (frame.monotonic_ns >= end_monotonic_ns_) return "duration";
  return {};
}

}  // namespace framelog
