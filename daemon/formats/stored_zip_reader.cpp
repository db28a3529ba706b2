#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "formats/stored_zip_records.hpp"

namespace framelog {
namespace {

constexpr std::int64_t kMostDirectoryBytes = std::int64_t{64} << 20U;

template <class Number>
Number get(std::string_view from, std::int64_t at) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    const auto byte = static_cast<unsigned char>(from[static_cast<std::size_t>(at) + i]);
    number |= static_cast<std::uint64_t>(byte) << (8 * i);
  }
  return static_cast<Number>(number);
}

std::unexpected<Error> damaged() { return fail(ErrorCode::kCorrupt, "no zip of stored files"); }

Result<std::string> read(FileSystem& files, int fd, std::int64_t offset, std::int64_t bytes) {
  if (offset < 0 || bytes < 0 || bytes > kMostDirectoryBytes) return damaged();
  std::string text(static_cast<std::size_t>(bytes), '\0');
  const auto got = files.read_at(fd, std::as_writable_bytes(std::span(text)), offset);
  if (!got) return std::unexpected(got.error());
  if (*got != text.size()) return damaged();
  return text;
}

/// The directory, by the record at the end, which has no comment in files of ours.
Result<std::string> read_directory(FileSystem& files, int fd) {
  const auto size = files.size_bytes(fd);
  if (!size) return std::unexpected(size.error());
  constexpr std::int64_t kTail =
      stored_zip::kEnd64Bytes + stored_zip::kLocatorBytes + stored_zip::kEndBytes;
  const auto tail = read(files, fd, *size - kTail, kTail);
  if (!tail) return tail;
  if (get<std::uint32_t>(*tail, 0) != stored_zip::kEnd64Magic ||
      get<std::uint32_t>(*tail, stored_zip::kEnd64Bytes) != stored_zip::kLocator64Magic ||
      get<std::uint32_t>(*tail, stored_zip::kEnd64Bytes + stored_zip::kLocatorBytes) !=
          stored_zip::kEndMagic) {
    return damaged();
  }
  return read(files, fd, get<std::int64_t>(*tail, 48), get<std::int64_t>(*tail, 40));
}

}  // namespace

Result<std::vector<StoredZipEntry>> read_stored_zip(FileSystem& files,
                                                    const std::filesystem::path& path) {
  auto fd = files.open(path, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  const auto directory = read_directory(files, fd->get());
  if (!directory) return std::unexpected(directory.error());
  std::vector<StoredZipEntry> entries;
  std::string_view rest = *directory;
  while (!rest.empty()) {
    constexpr std::int64_t kFixed = stored_zip::kDirectoryFixedBytes;
    if (std::cmp_less(rest.size(), kFixed) ||
        get<std::uint32_t>(rest, 0) != stored_zip::kDirectoryMagic) {
      return damaged();
    }
    const std::int64_t name = get<std::uint16_t>(rest, 28);
    const std::int64_t extra = get<std::uint16_t>(rest, 30);
    const std::int64_t all = kFixed + name + extra + get<std::uint16_t>(rest, 32);
    if (extra != stored_zip::kDirectoryExtraBytes || std::cmp_less(rest.size(), all))
      return damaged();
    if (get<std::uint16_t>(rest, 10) != 0) {
      return fail(ErrorCode::kUnsupported, "a packed file in the zip");
    }
    StoredZipEntry entry;
    entry.name = rest.substr(static_cast<std::size_t>(kFixed), static_cast<std::size_t>(name));
    entry.crc32 = get<std::uint32_t>(rest, 16);
    entry.bytes = get<std::uint64_t>(rest, kFixed + name + 4);
    entry.offset =
        get<std::int64_t>(rest, kFixed + name + 20) + stored_zip::local_bytes(entry.name);
    entries.push_back(std::move(entry));
    rest.remove_prefix(static_cast<std::size_t>(all));
  }
  return entries;
}

Result<void> check_stored_entry(FileSystem& files, const std::filesystem::path& path,
                                const StoredZipEntry& entry, const StoredZipPieces& pieces) {
  auto fd = files.open(path, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  const auto differs = [&] {
    return fail(ErrorCode::kCorrupt, "read back, the output differs:", entry.name);
  };
  std::vector<std::byte> buffer;
  uLong crc = ::crc32(0, nullptr, 0);
  for (std::uint64_t done = 0; done < entry.bytes;) {
    const bool in_head = done < pieces.head_bytes;
    const std::uint64_t piece = in_head ? pieces.head_bytes - done : pieces.piece_bytes;
    buffer.resize(std::min(piece, entry.bytes - done));
    const auto got =
        files.read_at(fd->get(), buffer, entry.offset + static_cast<std::int64_t>(done));
    if (!got) return std::unexpected(got.error());
    if (*got != buffer.size()) return differs();
    crc = ::crc32_z(crc, reinterpret_cast<const Bytef*>(buffer.data()), buffer.size());
    if (!in_head && pieces.take) {
      if (auto taken = pieces.take(buffer); !taken) return taken;
    }
    done += buffer.size();
  }
  if (crc != entry.crc32) return differs();
  return {};
}

std::uint64_t zip_overhead(std::string_view name) noexcept {
  return static_cast<std::uint64_t>(stored_zip::local_bytes(name) +
                                    stored_zip::kDirectoryFixedBytes +
                                    stored_zip::kDirectoryExtraBytes) +
         name.size();
}

}  // namespace framelog
