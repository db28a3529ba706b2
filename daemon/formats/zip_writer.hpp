#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"
#include "core/unique_fd.hpp"

namespace framelog {

/// A ZIP archive being written, of entries that are stored as they are, so that other programs can
/// map them; ZIP64 where sizes or counts need it. Written as one stream in bounded memory, which
/// libzip cannot. The same entries give the same bytes: their times are the beginning of 1980.
/// Format: PKWARE's APPNOTE.TXT 6.3. Threads: one.
class ZipWriter {
 public:
  /// Creates the file, which must not be there. Errors: as FileSystem::open().
  [[nodiscard]] static Result<ZipWriter> create(FileSystem& files,
                                                const std::filesystem::path& path);

  /// Begins an entry of that many bytes, which append() has to give. `name`: UTF-8, no path outside
  /// the archive. Errors: kInvalid, a name that is there already or not allowed, an entry before it
  /// that is not whole; those of writing.
  [[nodiscard]] Result<void> begin(const std::string& name, std::uint64_t size_bytes);
  [[nodiscard]] Result<void> append(std::span<const std::byte> bytes);
  /// A whole entry.
  [[nodiscard]] Result<void> add(const std::string& name, std::span<const std::byte> bytes);
  /// Writes the directory, and syncs. Errors: kInvalid, an entry is not whole; those of writing.
  [[nodiscard]] Result<void> finish();

  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string name;
    std::uint64_t size_bytes{};
    std::uint64_t offset{};
    std::uint32_t crc{};
  };

  ZipWriter(FileSystem& files, UniqueFd file) : files_(&files), file_(std::move(file)) {}
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> end_entry();
  [[nodiscard]] std::vector<std::byte> directory() const;

  FileSystem* files_;
  UniqueFd file_;
  std::vector<Entry> entries_;
  std::set<std::string> names_;
  std::uint64_t written_{};
  std::uint64_t missing_{};  ///< Bytes of the entry that is open.
};

}  // namespace framelog
