#include "formats/hdf5_packed_part.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "core/crc32c.hpp"

namespace framelog::hdf5 {
namespace {

/// Reads what is there of `values`; the rest stays as it is.
template <class T>
Result<void> read_column(FileSystem& files, int fd, std::int64_t offset, std::span<T> values) {
  const auto got = files.read_at(fd, std::as_writable_bytes(values), offset);
  if (!got) return std::unexpected(got.error());
  return {};
}

bool is_missing(const ChunkRow& row) { return row.offset < 0; }

}  // namespace

Result<PackedPart> PackedPart::open(FileSystem& files, const std::filesystem::path& part) {
  auto fd = files.open(part, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  PackedPart opened(files, std::move(*fd));
  const auto size = files.size_bytes(opened.file_.get());
  if (!size) return std::unexpected(size.error());
  opened.file_bytes_ = *size;
  const auto taken = opened.take_index(part);
  if (!taken) return std::unexpected(taken.error());
  if (*taken) return opened;
  auto head = read_packed_head(files, part);
  if (!head) return std::unexpected(head.error());
  opened.head_ = std::move(*head);
  opened.pixels_begin_ = opened.head_.end;
  if (opened.pixels_begin_ > opened.file_bytes_) {
    return fail(ErrorCode::kCorrupt, "the file ends before its frames:", part.string());
  }
  return opened;
}

/// False where there is none that can be used.
Result<bool> PackedPart::take_index(const std::filesystem::path& part) {
  auto index = ChunkIndex::open(*files_, chunk_index_path(part), O_RDONLY);
  if (!index && index.error().code == ErrorCode::kIo) return std::unexpected(index.error());
  if (!index) return false;
  auto image = index->image();
  if (!image && image.error().code == ErrorCode::kIo) return std::unexpected(image.error());
  if (!image) return false;
  auto head = packed_head_of(std::move(*image));
  if (!head) return false;
  const ChunkIndexHead& facts = index->head();
  if (facts.capacity_frames != head->tables.capacity_frames ||
      facts.detectors != head->tables.detectors.size() || facts.pixels_begin < head->end ||
      facts.pixels_begin > file_bytes_) {
    return false;
  }
  head_ = std::move(*head);
  pixels_begin_ = facts.pixels_begin;
  if (!is_its_own(*index)) return false;
  index_ = std::move(*index);
  return true;
}

/// Its first frame is where it says. Else it may be another segment's, or empty.
bool PackedPart::is_its_own(const ChunkIndex& index) const {
  const auto first = index.rows(0, 1);
  return first && !first->rows.empty() && !is_missing(first->rows[0]) && packed(first->rows[0]);
}

ChunkIndexCounts PackedPart::counts() const {
  if (index_) return index_->counts();
  ChunkIndexCounts counts;
  static_cast<void>(
      read_column(*files_, file_.get(), head_.tables.valid, std::span(&counts.valid, 1)));
  static_cast<void>(
      read_column(*files_, file_.get(), head_.tables.synced, std::span(&counts.synced, 1)));
  counts.valid = std::clamp(counts.valid, std::int64_t{0}, head_.tables.capacity_frames);
  counts.synced = std::clamp(counts.synced, std::int64_t{0}, head_.tables.capacity_frames);
  return counts;
}

Result<ChunkIndex::Rows> PackedPart::rows(std::int64_t first, std::int64_t count) const {
  const std::int64_t capacity = head_.tables.capacity_frames;
  count = std::clamp(count, std::int64_t{0}, std::max(std::int64_t{0}, capacity - first));
  const auto wanted = static_cast<std::size_t>(count);
  Result<ChunkIndex::Rows> rows =
      index_ ? index_->rows(first, count)
             : ChunkIndex::Rows{std::vector<ChunkRow>(wanted),
                                std::vector<double>(wanted * head_.tables.detectors.size())};
  if (!rows) return rows;
  if (auto added = add_from_file(*rows, first); !added) return std::unexpected(added.error());
  return rows;
}

// Behind the frames that the file counts it may tell of one that was given up and went elsewhere.
Result<void> PackedPart::add_from_file(ChunkIndex::Rows& rows, std::int64_t first) const {
  const std::int64_t known = counts().valid - first;
  const auto end = std::min(static_cast<std::int64_t>(rows.rows.size()), known);
  if (end <= 0) return {};
  const auto counted = std::span(rows.rows).first(static_cast<std::size_t>(end));
  if (std::ranges::none_of(counted, is_missing)) return {};
  const auto chunks = read_chunks(*files_, file_.get(), head_.chunks, first, end);
  if (!chunks) return std::unexpected(chunks.error());
  std::vector<FrameRecord> records(counted.size());
  auto read = read_column(*files_, file_.get(),
                          head_.tables.records + first * std::int64_t{kFrameRecordBytes},
                          std::span(records));
  const std::size_t detectors = head_.tables.detectors.size();
  std::vector<std::vector<double>> sums(detectors, std::vector<double>(counted.size()));
  for (std::size_t k = 0; k < detectors && read; ++k) {
    read = read_column(*files_, file_.get(),
                       head_.tables.detectors[k] + first * std::int64_t{sizeof(double)},
                       std::span(sums[k]));
  }
  if (!read) return read;
  for (std::size_t i = 0; i < counted.size(); ++i) {
    const ChunkPlace& chunk = (*chunks)[i];
    if (!is_missing(counted[i]) || chunk.offset < 0 || !is_intact(records[i])) continue;
    counted[i] = ChunkRow{0, 0, chunk.offset, chunk.bytes, chunk.filter_mask, 0, records[i]};
    for (std::size_t k = 0; k < detectors; ++k) rows.sums[i * detectors + k] = sums[k][i];
  }
  return {};
}

Result<std::vector<std::byte>> PackedPart::packed(const ChunkRow& row) const {
  const auto most = static_cast<std::int64_t>(size_bytes(head_.shape));
  if (row.offset < pixels_begin_ || row.bytes < 0 || row.bytes > most ||
      row.offset > file_bytes_ - row.bytes) {
    return fail(ErrorCode::kCorrupt, "a frame lies outside of the file");
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(row.bytes));
  const auto got = files_->read_at(file_.get(), bytes, row.offset);
  if (!got) return std::unexpected(got.error());
  if (*got != bytes.size()) return fail(ErrorCode::kCorrupt, "a frame lies outside of the file");
  if (row.crc != 0 && crc32c(bytes) != row.packed_crc) {
    return fail(ErrorCode::kCorrupt, "a frame's packed bytes are damaged");
  }
  return bytes;
}

}  // namespace framelog::hdf5
