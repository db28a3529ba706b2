#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// One file within a zip.
struct StoredZipEntry {
  std::string name;
  std::int64_t offset{};  ///< Of its bytes, not packed.
  std::uint64_t bytes{};
  std::uint32_t crc32{};
};

/// A zip of files that are stored as they are (PKWARE's APPNOTE 6.3, with zip64 where sizes or
/// places ask for it), written as their bytes come: those of known size at the same time, each at
/// its place. All have the same time, so that the same bytes make the same zip. Threads: one.
class StoredZipWriter {
 public:
  /// Errors: kExists, kDenied, kNoSpace, kIo.
  [[nodiscard]] static Result<std::unique_ptr<StoredZipWriter>> create(
      FileSystem& files, const std::filesystem::path& path);
  ~StoredZipWriter();
  StoredZipWriter(const StoredZipWriter&) = delete;
  StoredZipWriter& operator=(const StoredZipWriter&) = delete;

  /// Makes room for a file of so many bytes; the number is for append().
  [[nodiscard]] std::size_t reserve(std::string name, std::uint64_t bytes);
  /// A file behind all others, of a size that is not known yet; nothing can be added behind it. Its
  /// first `head_bytes` may be set later by set_head().
  [[nodiscard]] std::size_t open_last(std::string name, std::size_t head_bytes);
  [[nodiscard]] Result<void> append(std::size_t entry, std::span<const std::byte> bytes);
  void set_head(std::size_t entry, std::string_view head);
  /// A whole file.
  [[nodiscard]] Result<void> add(std::string name, std::span<const std::byte> bytes);
  /// Bytes of the file that is open behind the others, without its head.
  [[nodiscard]] std::uint64_t bytes(std::size_t entry) const;
  /// Writes what a zip ends with, and syncs. Errors: kInvalid, an entry is not full.
  [[nodiscard]] Result<void> finish();

 private:
  struct State;
  explicit StoredZipWriter(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

/// What a zip of stored files holds, in its order. Errors: kCorrupt; kUnsupported, a file that is
/// packed.
[[nodiscard]] Result<std::vector<StoredZipEntry>> read_stored_zip(
    FileSystem& files, const std::filesystem::path& path);

/// How an entry is looked at while it is read.
struct StoredZipPieces {
  std::uint64_t head_bytes{};  ///< Before the first piece; not given to anybody.
  std::uint64_t piece_bytes{std::uint64_t{1} << 20U};
  std::function<Result<void>(std::span<const std::byte>)> take;  ///< Of each piece; may be empty.
};
/// Reads an entry once and compares its checksum. Errors: kCorrupt, it does not fit, or the file is
/// shorter; those of `pieces.take`; kIo.
[[nodiscard]] Result<void> check_stored_entry(FileSystem& files, const std::filesystem::path& path,
                                              const StoredZipEntry& entry,
                                              const StoredZipPieces& pieces = {});

/// Bytes that an entry takes beside its own.
[[nodiscard]] std::uint64_t zip_overhead(std::string_view name) noexcept;

}  // namespace framelog
