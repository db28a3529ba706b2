#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "formats/chunk_index.hpp"
#include "formats/hdf5_packed_head.hpp"

/// Private to the hdf5_*.cpp files of this folder.
namespace framelog::hdf5 {

/// An unfinished segment of compressed frames, read from what is whole of it: NAME.chunks, or the
/// metadata of the HDF5 file where that is missing, damaged, or another segment's. Threads: one.
class PackedPart {
 public:
  /// Errors: kNotFound; kUnsupported, its frames are not compressed; kInvalid, its finishing had
  /// begun and nothing but NAME.chunks, which is not there, could tell of its frames; kCorrupt;
  /// kIo.
  [[nodiscard]] static Result<PackedPart> open(FileSystem& files,
                                               const std::filesystem::path& part);

  [[nodiscard]] const PackedHead& head() const noexcept { return head_; }
  [[nodiscard]] bool has_index() const noexcept { return index_.has_value(); }
  [[nodiscard]] std::int64_t pixels_begin() const noexcept { return pixels_begin_; }
  [[nodiscard]] ChunkIndexCounts counts() const;
  /// As ChunkIndex::rows(). A row that the index has lost is taken from HDF5's metadata; its CRCs
  /// are 0 then. Errors: kIo.
  [[nodiscard]] Result<ChunkIndex::Rows> rows(std::int64_t first, std::int64_t count) const;
  /// The packed bytes of a row. Errors: kCorrupt, they cannot be where it says, or are not those
  /// that were written; kIo.
  [[nodiscard]] Result<std::vector<std::byte>> packed(const ChunkRow& row) const;

 private:
  PackedPart(FileSystem& files, UniqueFd file) : files_(&files), file_(std::move(file)) {}
  [[nodiscard]] Result<bool> take_index(const std::filesystem::path& part);
  [[nodiscard]] bool is_its_own(const ChunkIndex& index) const;
  [[nodiscard]] Result<void> add_from_file(ChunkIndex::Rows& rows, std::int64_t first) const;

  FileSystem* files_;
  UniqueFd file_;
  std::int64_t file_bytes_{};
  std::int64_t pixels_begin_{};
  PackedHead head_;
  std::optional<ChunkIndex> index_;
};

}  // namespace framelog::hdf5
