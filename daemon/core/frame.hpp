#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace framelog {

enum class PixelType : std::uint8_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kUint64,
  kFloat32,
  kFloat64,
};

[[nodiscard]] std::size_t size_bytes(PixelType type) noexcept;
[[nodiscard]] bool is_float(PixelType type) noexcept;
[[nodiscard]] bool is_signed(PixelType type) noexcept;
/// "uint16", as configuration and NumPy spell it.
[[nodiscard]] std::string_view name_of(PixelType type) noexcept;
[[nodiscard]] std::optional<PixelType> pixel_type_of(std::string_view name) noexcept;
/// Largest value of an integer type; infinity for floats.
[[nodiscard]] double largest_value(PixelType type) noexcept;

/// Shape and type of a frame. Rows are contiguous; there is no padding in a slot.
struct FrameShape {
  std::uint32_t height_px{};
  std::uint32_t width_px{};
  PixelType type{};
  friend bool operator==(const FrameShape&, const FrameShape&) = default;
};
[[nodiscard]] std::size_t size_bytes(const FrameShape& shape) noexcept;
/// "1024 x 1280 uint16" (height x width).
[[nodiscard]] std::string to_string(const FrameShape& shape);

/// A half-open rectangle in source pixels.
struct Region {
  std::uint32_t y_start{};
  std::uint32_t y_stop{};
  std::uint32_t x_start{};
  std::uint32_t x_stop{};
  [[nodiscard]] std::uint32_t height_px() const noexcept { return y_stop - y_start; }
  [[nodiscard]] std::uint32_t width_px() const noexcept { return x_stop - x_start; }
  friend bool operator==(const Region&, const Region&) = default;
};
/// "y=16:112, x=16:112"
[[nodiscard]] std::string to_string(const Region& region);

/// Rows x columns of source pixels that become one pixel.
struct Binning {
  std::uint32_t rows{1};
  std::uint32_t columns{1};
  friend bool operator==(const Binning&, const Binning&) = default;
};

/// Bits of FrameInfo::flags and of the frame record (files.md).
enum FrameFlag : std::uint32_t {
  kFlagCorrupt = 1U << 0U,
  kFlagIncomplete = 1U << 1U,
  kFlagClipped = 1U << 2U,
  kFlagTrigger = 1U << 3U,
  kFlagClockUnsynchronised = 1U << 4U,
  kFlagGroupCutShort = 1U << 5U,
};

/// What is known of one frame beside its pixels. Times of -1 are unknown.
struct FrameInfo {
  std::uint64_t sequence{};         ///< Counted by us from 0 in each run, without gaps.
  std::uint64_t source_sequence{};  ///< Counted by the hardware; a jump is a loss at the source.
  std::int64_t utc_ns{-1};
  std::int64_t monotonic_ns{-1};  ///< End of exposure, or arrival where the hardware does not tell.
  std::int64_t device_ns{-1};
  std::int64_t exposure_ns{-1};
  std::uint64_t gpio{};   ///< Line levels.
  std::uint32_t flags{};  ///< FrameFlag bits.
};

/// Of one frame of one product, over all pixels that are not NaN.
struct FrameStatistics {
  double min{};
  double max{};
  double mean{};
  double std{};  ///< Population standard deviation.
  double sum{};
  std::uint32_t saturated{};  ///< Source pixels of the region at or above the saturation value.
  std::uint32_t clipped{};    ///< Product pixels that did not fit their type.
};

/// Why a frame was not recorded (service.md).
enum class DropReason : std::uint8_t {
  kRingFull,
  kSegmentNotReady,
  kDiskFull,
  kNoDisk,
  kWriteError,
  kIncomplete,
  kReload,
  kCrash,
  kNoProcess,
};
inline constexpr std::size_t kDropReasons = 9;

/// Why a frame never reached us.
enum class LossReason : std::uint8_t { kSequenceGap, kDisconnected };
inline constexpr std::size_t kLossReasons = 2;

[[nodiscard]] std::string_view name_of(DropReason reason) noexcept;
[[nodiscard]] std::string_view name_of(LossReason reason) noexcept;

}  // namespace framelog
