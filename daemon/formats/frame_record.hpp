#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "core/frame.hpp"

namespace framelog {

/// One frame's entry in a segment's frame table, as it lies on disk: little-endian, 128 bytes, no
/// padding (design page files.md, "frame_table"). An all-zero record is no record.
struct FrameRecord {
  std::uint32_t magic{};
  std::uint32_t record_crc{};  ///< CRC-32C of the 120 bytes behind it.
  std::uint64_t sequence{};
  std::uint64_t source_sequence{};
  std::int64_t utc_ns{};
  std::int64_t monotonic_ns{};
  std::int64_t device_ns{};    ///< -1: none.
  std::int64_t exposure_ns{};  ///< -1: unknown.
  std::uint64_t gpio{};
  double min{};
  double max{};
  double mean{};
  double std{};
  double sum{};
  std::uint32_t saturated{};
  std::uint32_t clipped{};
  std::uint32_t
      dropped_before{};    ///< Frames lost between the record before and this one, for any reason.
  std::uint32_t flags{};   ///< FrameFlag bits.
  std::uint32_t crc32c{};  ///< Of the frame's pixel bytes as they lie in the file.
  std::uint16_t accumulated{};  ///< Source frames in this one.
  std::uint16_t
      detectors_check{};  ///< detectors_check() of the frame's row in the detectors' series.
};
static_assert(sizeof(FrameRecord) == 128 && std::is_trivially_copyable_v<FrameRecord>);
static_assert(std::endian::native == std::endian::little,
              "records are written as they lie in memory");

inline constexpr std::uint32_t kFrameRecordMagic = 0x524D5246U;  // "FRMR"
inline constexpr std::size_t kFrameRecordBytes = sizeof(FrameRecord);

/// Fills in magic and record_crc: the last step before a record is written.
void seal(FrameRecord& record) noexcept;
/// What ties a frame's detector sums, which lie in columns of their own, to its record: the low
/// half of their CRC-32C; 0 where there is no detector.
[[nodiscard]] std::uint16_t detectors_check(std::span<const double> sums) noexcept;
/// Whether magic and record_crc are right.
[[nodiscard]] bool is_intact(const FrameRecord& record) noexcept;

/// The head of a NAME.frames file beside a RAW: 4096 bytes, of which these are used, the rest zero.
struct FramesFileHead {
  char magic[8]{'f', 'r', 'a', 'm', 'e', 'l', 'o', 'g'};
  std::uint32_t version{1};
  std::uint32_t record_bytes{kFrameRecordBytes};
  std::int64_t valid{};   ///< Frames complete in the files.
  std::int64_t synced{};  ///< Of these, safe from a power cut.
  std::uint64_t frame_bytes{};
  std::uint64_t capacity{};  ///< Frames that space was reserved for.
};
static_assert(sizeof(FramesFileHead) == 48 && std::is_trivially_copyable_v<FramesFileHead>);
inline constexpr std::int64_t kFramesFileHeadBytes = 4096;

}  // namespace framelog
