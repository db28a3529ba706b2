#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"
#include "formats/compression.hpp"
#include "formats/frame_record.hpp"

namespace framelog {

/// The head of NAME.chunks beside a NAME.h5.part of compressed frames: 4096 bytes, of which these
/// are used, the rest zero but for the counts. Behind it comes the image, then from a multiple of
/// 4096 on one row per frame. Little-endian.
struct ChunkIndexHead {
  char magic[8]{'f', 'r', 'l', 'g', 'c', 'h', 'n', 'k'};
  std::uint32_t version{1};
  std::uint32_t crc{};        ///< CRC-32C of what is behind it.
  std::uint32_t row_bytes{};  ///< A ChunkRow and the frame's sums.
  std::uint32_t detectors{};  ///< Sums of a frame, a float64 each.
  std::uint32_t codec{};      ///< Codec
  std::int32_t level{};       ///< Of the codec.
  std::uint32_t height_px{}, width_px{}, pixel_type{};
  std::uint32_t image_crc{};
  std::int64_t image_bytes{};  ///< The HDF5 file's metadata, as prepared: its first bytes.
  std::int64_t capacity_frames{};
  std::int64_t pixels_begin{}, pixels_end{};  ///< In the HDF5 file: packed frames lie between.
};
static_assert(sizeof(ChunkIndexHead) == 80 && std::is_trivially_copyable_v<ChunkIndexHead>);
inline constexpr std::int64_t kChunkIndexHeadBytes = 4096;

/// At the offset 2048 of the file.
struct ChunkIndexCounts {
  std::int64_t valid{};   ///< Frames complete in the files.
  std::int64_t synced{};  ///< Of these, safe from a power cut.
};
inline constexpr std::int64_t kChunkIndexCounts = 2048;

/// One frame. Its sums follow, and belong to the CRC.
struct ChunkRow {
  std::uint32_t crc{};         ///< CRC-32C of all behind it.
  std::uint32_t packed_crc{};  ///< CRC-32C of the frame's bytes in the HDF5 file.
  std::int64_t offset{-1};     ///< Of them; -1: nowhere.
  std::int64_t bytes{};
  std::uint32_t filter_mask{};  ///< HDF5's: bit k set, filter k was left out.
  std::uint32_t reserved{};
  FrameRecord record;
};
static_assert(sizeof(ChunkRow) == 160 && std::is_trivially_copyable_v<ChunkRow>);

/// The plain index beside compressed frames that are being recorded: with it their HDF5 file can
/// be made whole again, whatever has become of HDF5's own metadata. Calls do not overlap, except
/// put() with sync() and set_synced().
class ChunkIndex {
 public:
  /// Creates the file, its space reserved, not synced. Fills in `head`'s derived members.
  /// Errors: kExists, kNoSpace, kIo.
  [[nodiscard]] static Result<ChunkIndex> create(FileSystem& files,
                                                 const std::filesystem::path& path,
                                                 ChunkIndexHead head,
                                                 std::span<const std::byte> image);
  /// Errors: kNotFound; kCorrupt, the head is damaged or impossible.
  [[nodiscard]] static Result<ChunkIndex> open(FileSystem& files, const std::filesystem::path& path,
                                               int flags);
  /// Bytes of such a file.
  [[nodiscard]] static std::int64_t file_bytes(const ChunkIndexHead& head) noexcept;

  [[nodiscard]] const ChunkIndexHead& head() const noexcept { return head_; }
  /// Errors: kCorrupt.
  [[nodiscard]] Result<std::vector<std::byte>> image() const;
  /// As the file says; zero where it cannot be read.
  [[nodiscard]] ChunkIndexCounts counts() const;

  /// Rows of consecutive frames, sealed here, with one row of sums per frame. Allocates nothing.
  [[nodiscard]] Result<void> put(std::int64_t first, std::span<ChunkRow> rows,
                                 std::span<const double> sums);
  /// Makes the row of a frame that goes elsewhere no row.
  void forget(std::int64_t frame) noexcept;
  [[nodiscard]] Result<void> set_valid(std::int64_t frames);
  [[nodiscard]] Result<void> set_synced(std::int64_t frames);
  [[nodiscard]] Result<void> sync();

  /// The rows of some frames, and their sums; a damaged or missing one has the offset -1 and no
  /// record. Errors: kIo.
  struct Rows {
    std::vector<ChunkRow> rows;
    std::vector<double> sums;
  };
  [[nodiscard]] Result<Rows> rows(std::int64_t first, std::int64_t count) const;

 private:
  ChunkIndex(FileSystem& files, UniqueFd fd, const ChunkIndexHead& head);
  [[nodiscard]] std::int64_t place_of(std::int64_t frame) const noexcept;

  FileSystem* files_;
  UniqueFd fd_;
  ChunkIndexHead head_;
  std::vector<std::byte> staging_;
};

/// "NAME.h5" with any ending (.part, .new, .ready) -> "NAME.chunks" with the same ending.
[[nodiscard]] std::filesystem::path chunk_index_path(const std::filesystem::path& segment);

}  // namespace framelog
