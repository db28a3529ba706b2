#include "formats/stored_zip_records.hpp"

#include <limits>

namespace framelog::stored_zip {
namespace {

constexpr std::uint16_t kVersion = 45;  // With zip64.
constexpr std::uint16_t kUtf8 = 1U << 11U;
constexpr std::uint16_t kZip64Id = 1;
// 1980-01-01 00:00:00, the earliest that there is.
constexpr std::uint16_t kTime = 0;
constexpr std::uint16_t kDate = (1U << 5U) | 1U;
constexpr std::uint32_t kElsewhere = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint16_t kManyEntries = std::numeric_limits<std::uint16_t>::max();

/// Little-endian.
template <class Number>
void put(std::string& to, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    to += static_cast<char>((static_cast<std::uint64_t>(number) >> (8 * i)) & 0xFFU);
  }
}

/// What local and directory entries have in common, with the sizes in the extra field.
void put_common(std::string& to, const StoredZipEntry& entry, std::int64_t extra_bytes) {
  put(to, kVersion);
  put(to, kUtf8);
  put(to, std::uint16_t{0});  // Stored.
  put(to, kTime);
  put(to, kDate);
  put(to, entry.crc32);
  put(to, kElsewhere);
  put(to, kElsewhere);
  put(to, static_cast<std::uint16_t>(entry.name.size()));
  put(to, static_cast<std::uint16_t>(extra_bytes));
}

void put_sizes(std::string& to, const StoredZipEntry& entry, std::int64_t extra_bytes) {
  put(to, kZip64Id);
  put(to, static_cast<std::uint16_t>(extra_bytes - 4));
  put(to, entry.bytes);
  put(to, entry.bytes);
}

}  // namespace

std::int64_t local_bytes(std::string_view name) noexcept {
  return kLocalFixedBytes + static_cast<std::int64_t>(name.size()) + kLocalExtraBytes;
}

std::string local_header(const StoredZipEntry& entry) {
  std::string bytes;
  put(bytes, kLocalMagic);
  put_common(bytes, entry, kLocalExtraBytes);
  bytes += entry.name;
  put_sizes(bytes, entry, kLocalExtraBytes);
  return bytes;
}

std::string directory_entry(const StoredZipEntry& entry, std::int64_t header) {
  constexpr std::uint16_t kMadeOnUnix = (3U << 8U) | kVersion;
  constexpr std::uint32_t kRegularFile = 0100644U << 16U;
  std::string bytes;
  put(bytes, kDirectoryMagic);
  put(bytes, kMadeOnUnix);
  put_common(bytes, entry, kDirectoryExtraBytes);
  put(bytes, std::uint16_t{0});  // No comment,
  put(bytes, std::uint16_t{0});  // on the first disk,
  put(bytes, std::uint16_t{0});  // bytes.
  put(bytes, kRegularFile);
  put(bytes, kElsewhere);
  bytes += entry.name;
  put_sizes(bytes, entry, kDirectoryExtraBytes);
  put(bytes, header);
  return bytes;
}

std::string end_of(std::uint64_t entries, std::uint64_t directory_bytes, std::int64_t directory) {
  std::string bytes;
  put(bytes, kEnd64Magic);
  put(bytes, std::uint64_t{kEnd64Bytes - 12});
  put(bytes, kVersion);
  put(bytes, kVersion);
  put(bytes, std::uint32_t{0});
  put(bytes, std::uint32_t{0});
  put(bytes, entries);
  put(bytes, entries);
  put(bytes, directory_bytes);
  put(bytes, directory);
  put(bytes, kLocator64Magic);
  put(bytes, std::uint32_t{0});
  put(bytes, static_cast<std::uint64_t>(directory) + directory_bytes);
  put(bytes, std::uint32_t{1});
  put(bytes, kEndMagic);
  put(bytes, std::uint16_t{0});
  put(bytes, std::uint16_t{0});
  put(bytes, kManyEntries);
  put(bytes, kManyEntries);
  put(bytes, kElsewhere);
  put(bytes, kElsewhere);
  put(bytes, std::uint16_t{0});
  return bytes;
}

}  // namespace framelog::stored_zip
