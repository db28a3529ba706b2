#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// One file within a zip.
struct ZipMember {
  std::string name;
  std::uint64_t bytes{};         ///< Unpacked.
  std::uint64_t packed_bytes{};  ///< In the zip.
  std::int64_t header{};         ///< Where its local header is.
  bool is_packed{};              ///< By deflate; else as it is.
  std::uint32_t crc32{};         ///< Unpacked.
};

/// A zip of anybody's (PKWARE's APPNOTE 6.3, with zip64, comments and bytes before it), read
/// where it lies. Threads: any.
class ZipFile {
 public:
  /// Reads the directory. Members that are encrypted or packed by other methods than deflate are
  /// left out. Errors: kNotFound, kDenied, kIo; kCorrupt, no zip.
  [[nodiscard]] static Result<ZipFile> open(FileSystem& files, const std::filesystem::path& path);

  [[nodiscard]] const std::vector<ZipMember>& members() const noexcept { return members_; }
  /// Null: there is none of that name.
  [[nodiscard]] const ZipMember* find(std::string_view name) const noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Where the bytes of a member begin. Errors: kIo, kCorrupt.
  [[nodiscard]] Result<std::int64_t> data_offset(const ZipMember& member) const;
  [[nodiscard]] FileSystem& files() const noexcept { return *files_; }

 private:
  ZipFile(FileSystem& files, UniqueFd fd, std::filesystem::path path)
      : files_(&files), fd_(std::move(fd)), path_(std::move(path)) {}
  [[nodiscard]] Result<void> read_directory();
  [[nodiscard]] Result<std::string> read(std::int64_t offset, std::uint64_t bytes) const;

  FileSystem* files_;
  UniqueFd fd_;
  std::filesystem::path path_;
  std::vector<ZipMember> members_;
};

/// The bytes of one member, anywhere in it; of a packed one quickest in order, for what lies before
/// is unpacked anew. Threads: one.
class ZipMemberReader {
 public:
  /// `zip` outlives it. Errors: kIo, kCorrupt.
  [[nodiscard]] static Result<std::unique_ptr<ZipMemberReader>> open(const ZipFile& zip,
                                                                     const ZipMember& member);
  ~ZipMemberReader();
  ZipMemberReader(const ZipMemberReader&) = delete;
  ZipMemberReader& operator=(const ZipMemberReader&) = delete;

  /// All of `bytes`. Errors: kIo; kCorrupt, the member ends before, or is damaged: who reads to its
  /// end without a hole learns what its checksum says.
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> bytes);
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  struct State;
  explicit ZipMemberReader(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace framelog
