#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/result.hpp"

/// Private to the tiff_*.cpp files of this folder: what a TIFF is made of, as bytes (TIFF 6.0, and
/// the BigTIFF design of AWare Systems). Little-endian.
namespace framelog::tiff {

enum class Type : std::uint16_t {
  kAscii = 2,
  kShort = 3,
  kLong = 4,
  kRational = 5,
  kUndefined = 7,
  kLong8 = 16,
};

enum Tag : std::uint16_t {
  kImageWidth = 256,
  kImageLength = 257,
  kBitsPerSample = 258,
  kCompression = 259,
  kPhotometric = 262,
  kImageDescription = 270,
  kStripOffsets = 273,
  kSamplesPerPixel = 277,
  kRowsPerStrip = 278,
  kStripByteCounts = 279,
  kXResolution = 282,
  kYResolution = 283,
  kResolutionUnit = 296,
  kSoftware = 305,
  kDateTime = 306,
  kSampleFormat = 339,
  // Of the range that Adobe leaves to everybody.
  kProvenance = 65000,   ///< JSON.
  kFrameTable = 65001,   ///< One FrameRecord for each frame.
  kDescription = 65002,  ///< JSON: what else the segment tells of itself.
};

/// One entry of a directory. `value` is the value itself where it has room there, else its place.
struct Entry {
  std::uint16_t tag{};
  Type type{};
  std::uint64_t count{};
  std::uint64_t value{};
  friend bool operator==(const Entry&, const Entry&) = default;
};

/// Bytes at the start of the file; the place of the first directory is in the last 4 or 8 of them.
[[nodiscard]] constexpr std::int64_t header_bytes(bool big) noexcept { return big ? 16 : 8; }
[[nodiscard]] constexpr std::int64_t link_bytes(bool big) noexcept { return big ? 8 : 4; }
[[nodiscard]] constexpr std::int64_t first_link(bool big) noexcept { return big ? 8 : 4; }
/// Of a directory, up to the link to the next one.
[[nodiscard]] constexpr std::int64_t entries_bytes(bool big, std::size_t entries) noexcept {
  return big ? 8 + 20 * static_cast<std::int64_t>(entries)
             : 2 + 12 * static_cast<std::int64_t>(entries);
}

/// Writes a header that leads to the directory at `first`.
void put_header(std::span<std::byte> into, bool big, std::int64_t first) noexcept;
void put_link(std::span<std::byte> into, bool big, std::int64_t next) noexcept;
[[nodiscard]] std::int64_t get_link(std::span<const std::byte> from, bool big) noexcept;
/// Writes a directory of these entries, which are in the order of their tags. `into` has
/// entries_bytes() + link_bytes() or more.
void put_directory(std::span<std::byte> into, bool big, std::span<const Entry> entries,
                   std::int64_t next) noexcept;
/// The entry at a place in a directory, whatever it is. `from` reaches to the end of that entry.
[[nodiscard]] Entry get_entry(std::span<const std::byte> from, bool big,
                              std::size_t index) noexcept;
/// Entries of the directory that `from` begins with. Errors: kCorrupt when it has more than
/// `from`.
[[nodiscard]] Result<std::vector<Entry>> get_entries(std::span<const std::byte> from, bool big);

}  // namespace framelog::tiff
