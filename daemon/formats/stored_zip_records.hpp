#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/stored_zip.hpp"

/// Private to the stored_zip*.cpp files of this folder: the records of a zip (PKWARE's APPNOTE 6.3,
/// sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16 and 4.5.3), with zip64's fields always: what reads
/// them need not be told which are there.
namespace framelog::stored_zip {

inline constexpr std::uint32_t kLocalMagic = 0x04034B50;
inline constexpr std::uint32_t kDirectoryMagic = 0x02014B50;
inline constexpr std::uint32_t kEnd64Magic = 0x06064B50;
inline constexpr std::uint32_t kLocator64Magic = 0x07064B50;
inline constexpr std::uint32_t kEndMagic = 0x06054B50;
inline constexpr std::int64_t kLocalFixedBytes = 30;
inline constexpr std::int64_t kDirectoryFixedBytes = 46;
inline constexpr std::int64_t kEnd64Bytes = 56;
inline constexpr std::int64_t kLocatorBytes = 20;
inline constexpr std::int64_t kEndBytes = 22;
inline constexpr std::int64_t kLocalExtraBytes = 20;      ///< Head, and two sizes.
inline constexpr std::int64_t kDirectoryExtraBytes = 28;  ///< Head, two sizes, and the place.

[[nodiscard]] std::int64_t local_bytes(std::string_view name) noexcept;
[[nodiscard]] std::string local_header(const StoredZipEntry& entry);
/// `header`: where its local header is.
[[nodiscard]] std::string directory_entry(const StoredZipEntry& entry, std::int64_t header);
[[nodiscard]] std::string end_of(std::uint64_t entries, std::uint64_t directory_bytes,
                                 std::int64_t directory);

}  // namespace framelog::stored_zip
