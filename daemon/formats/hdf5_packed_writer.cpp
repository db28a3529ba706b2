#include "formats/hdf5_packed_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/crc32c.hpp"

namespace framelog::hdf5 {
namespace {

/// Small frames are gathered to pieces of this size.
constexpr std::size_t kStagingBytes = std::size_t{1} << 20U;
/// Rows of so many frames at a time.
constexpr std::size_t kBatch = 256;

std::span<const std::byte> bytes_of(const std::int64_t& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

std::uint32_t unpacked_mask(Codec codec) noexcept {
  return codec == Codec::kGzip ? 3 : 1;  // Shuffle and deflate, or the one filter.
}

PackedSegment::PackedSegment(FileSystem& files, const PackedHead& head, UniqueFd file,
                             ChunkIndex index)
    : files_(files),
      file_(std::move(file)),
      index_(std::move(index)),
      tables_(head.tables),
      chunks_(files, head.chunks),
      rows_(files, head),
      unpacked_mask_(unpacked_mask(head.compression.codec)),
      staging_(kStagingBytes),
      end_(index_.head().pixels_begin),
      written_(end_) {}

Result<void> PackedSegment::append(std::span<const FrameRecord> records,
                                   std::span<const PackedFrame> frames,
                                   std::span<const double> detectors) {
  const std::int64_t first = frames_.load(std::memory_order_relaxed);
  const auto count = static_cast<std::int64_t>(records.size());
  std::size_t bytes = 0;
  for (const PackedFrame& frame : frames) bytes += frame.bytes.size();
  if (first + count > capacity_frames() || std::cmp_greater(bytes, free_bytes())) {
    return fail(ErrorCode::kNoSpace, "segment is full");
  }
  // The next segment gets the power-cut bound back.
  if (sync_failed_.load(std::memory_order_relaxed))
    return fail(ErrorCode::kIo, "an earlier sync failed");
  const std::int64_t begin = end_;
  written_ = begin;
  staged_ = 0;
  auto written = write_frames(frames);
  if (written) written = write_rows(first, records, frames, detectors);
  if (written) written = rows_.publish(file_.get(), first + count);
  if (written) written = write_counts(first + count);
  if (written) {
    end_ = begin + static_cast<std::int64_t>(bytes);
    frames_.store(first + count, std::memory_order_release);  // Pairs with the acquire in frames().
  } else {
    take_back(first);
  }
  return written;
}

/// These frames go elsewhere: no count may tell of them, and no whole row or record may stay behind
/// it for recovery to find. What the disk does not take of this either, a process that dies before
/// it finishes the segment would find twice.
void PackedSegment::take_back(std::int64_t first) {
  static_cast<void>(index_.set_valid(first));
  index_.forget(first);
  constexpr std::array<std::byte, kFrameRecordBytes> kNoRecord{};
  const std::int64_t record = tables_.records + first * std::int64_t{kFrameRecordBytes};
  static_cast<void>(files_.write_at(file_.get(), kNoRecord, record));
  static_cast<void>(files_.write_at(file_.get(), bytes_of(first), tables_.valid));
}

Result<void> PackedSegment::write_frames(std::span<const PackedFrame> frames) {
  for (const PackedFrame& frame : frames) {
    if (frame.bytes.size() > staging_.size() - staged_) {
      if (auto done = write_staged(); !done) return done;
    }
    if (frame.bytes.size() < staging_.size() / 4) {
      std::ranges::copy(frame.bytes, staging_.begin() + static_cast<std::ptrdiff_t>(staged_));
      staged_ += frame.bytes.size();
      continue;
    }
    if (auto done = write_staged(); !done) return done;
    if (auto done = files_.write_at(file_.get(), frame.bytes, written_); !done) return done;
    const auto size = static_cast<std::int64_t>(frame.bytes.size());
    files_.start_writeback(file_.get(), written_, size);
    written_ += size;
  }
  return write_staged();
}

Result<void> PackedSegment::write_staged() {
  if (staged_ == 0) return {};
  const auto bytes = std::span(staging_).first(staged_);
  if (auto done = files_.write_at(file_.get(), bytes, written_); !done) return done;
  const auto size = static_cast<std::int64_t>(staged_);
  files_.start_writeback(file_.get(), written_, size);
  written_ += size;
  staged_ = 0;
  return {};
}

Result<void> PackedSegment::write_rows(std::int64_t first, std::span<const FrameRecord> records,
                                       std::span<const PackedFrame> frames,
                                       std::span<const double> detectors) {
  std::array<ChunkRow, kBatch> rows;
  std::array<ChunkPlace, kBatch> places;
  const std::size_t sums = tables_.detectors.size();
  std::int64_t offset = end_;
  for (std::size_t done = 0; done < records.size();) {
    const std::size_t count = std::min(records.size() - done, kBatch);
    for (std::size_t i = 0; i < count; ++i) {
      const PackedFrame& frame = frames[done + i];
      const auto size = static_cast<std::int64_t>(frame.bytes.size());
      places[i] = {offset, size, frame.is_packed ? 0 : unpacked_mask_};
      rows[i] = ChunkRow{0, crc32c(frame.bytes), offset, size, places[i].filter_mask,
                         0, records[done + i]};
      offset += size;
    }
    const std::int64_t at = first + static_cast<std::int64_t>(done);
    const auto row_sums = detectors.subspan(done * sums, count * sums);
    if (auto put = index_.put(at, std::span(rows).first(count), row_sums); !put) return put;
    auto written =
        write_tables(files_, file_.get(), tables_, at, records.subspan(done, count), row_sums);
    if (written) written = chunks_.put(file_.get(), at, std::span(places).first(count));
    if (!written) return written;
    done += count;
  }
  return {};
}

Result<void> PackedSegment::write_counts(std::int64_t frames) {
  if (auto written = index_.set_valid(frames); !written) return written;
  return files_.write_at(file_.get(), bytes_of(frames), tables_.valid);
}

Result<void> PackedSegment::sync() {
  const std::int64_t covered = frames();
  // As with uncompressed frames: after a failed sync `synced` must not move any more.
  if (sync_failed_.load(std::memory_order_relaxed))
    return fail(ErrorCode::kIo, "an earlier sync failed");
  if (covered == synced_frames_) return {};
  auto synced = files_.sync(file_.get());
  if (synced) synced = index_.sync();
  sync_failed_.store(!synced, std::memory_order_relaxed);
  if (synced) synced = index_.set_synced(covered);
  if (synced) synced = files_.write_at(file_.get(), bytes_of(covered), tables_.synced);
  if (synced) synced_frames_ = covered;
  return synced;
}

Result<std::pair<FrameRecord, FrameRecord>> PackedSegment::resume() {
  const ChunkIndexCounts counts = index_.counts();
  if (counts.valid == 0) return fail(ErrorCode::kEnd, "the segment has no frame");
  if (counts.synced > counts.valid) {
    return fail(ErrorCode::kCorrupt, "the segment's count is impossible");
  }
  FrameRecord edge;
  for (std::int64_t done = 0; done < counts.valid;) {
    const auto part =
        index_.rows(done, std::min(counts.valid - done, static_cast<std::int64_t>(kBatch)));
    if (!part) return std::unexpected(part.error());
    if (done == 0) edge = part->rows.front().record;
    std::vector<ChunkPlace> places;
    for (const ChunkRow& row : part->rows) {
      if (row.offset != end_ || row.bytes < 0 || row.bytes > free_bytes()) {
        return fail(ErrorCode::kCorrupt, "the segment's index of chunks is damaged");
      }
      places.push_back({row.offset, row.bytes, row.filter_mask});
      end_ += row.bytes;
    }
    if (auto put = chunks_.put(file_.get(), done, places); !put) {
      return std::unexpected(put.error());
    }
    done += static_cast<std::int64_t>(places.size());
    if (done < counts.valid) continue;
    auto written = rows_.publish(file_.get(), counts.valid);
    if (written) written = write_counts(counts.valid);
    if (!written) return std::unexpected(written.error());
    frames_.store(counts.valid, std::memory_order_release);
    return std::pair{edge, part->rows.back().record};
  }
  return fail(ErrorCode::kCorrupt, "the segment's index of chunks is damaged");
}

}  // namespace framelog::hdf5
