#include "formats/plain_segment.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "formats/segment_tables.hpp"

namespace framelog {
namespace {

std::span<const std::byte> bytes_of(const std::int64_t& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

PlainSegment::PlainSegment(FileSystem& files, const SegmentPlaces& places, SegmentFiles open_files)
    : files_(files), places_(places), open_(std::move(open_files)) {}

std::int64_t offset_of_frame(const SegmentPlaces& places, std::int64_t frame) noexcept {
  return places.pixels + frame / places.frames_per_run * places.run_stride +
         frame % places.frames_per_run * places.frame_bytes;
}

Result<PlainSegment::Left> PlainSegment::resume() {
  const auto read = [this](auto& into, std::int64_t place) -> Result<void> {
    const auto bytes = std::as_writable_bytes(std::span(&into, 1));
    const auto got = files_.read_at(open_.table.get(), bytes, place);
    if (!got) return std::unexpected(got.error());
    if (*got != bytes.size()) return fail(ErrorCode::kCorrupt, "the segment ends early");
    return {};
  };
  Left left;
  std::int64_t synced = 0;
  if (auto done = read(left.frames, places_.valid); !done) return std::unexpected(done.error());
  if (auto done = read(synced, places_.synced); !done) return std::unexpected(done.error());
  if (left.frames == 0) return fail(ErrorCode::kEnd, "the segment has no frame");
  if (left.frames < 0 || left.frames > places_.capacity_frames || synced < 0 ||
      synced > left.frames) {
    return fail(ErrorCode::kCorrupt, "the segment's count is impossible");
  }
  const auto record_at = [this](std::int64_t frame) {
    return places_.records + frame * std::int64_t{kFrameRecordBytes};
  };
  if (auto done = read(left.first, record_at(0)); !done) return std::unexpected(done.error());
  if (auto done = read(left.last, record_at(left.frames - 1)); !done) {
    return std::unexpected(done.error());
  }
  if (!is_intact(left.first) || !is_intact(left.last)) {
    return fail(ErrorCode::kCorrupt, "the segment's frame table is damaged");
  }
  frames_.store(left.frames, std::memory_order_release);
  synced_frames_ = synced;
  return left;
}

Result<void> PlainSegment::append(std::span<const FrameRecord> records,
                                  std::span<const std::byte> pixels,
                                  std::span<const double> detectors) {
  const std::int64_t first = frames_.load(std::memory_order_relaxed);
  const auto count = static_cast<std::int64_t>(records.size());
  if (first + count > places_.capacity_frames) return fail(ErrorCode::kNoSpace, "segment is full");
  // The next segment gets the power-cut bound back.
  if (sync_failed_.load(std::memory_order_relaxed))
    return fail(ErrorCode::kIo, "an earlier sync failed");
  if (auto written = write_pixels(first, pixels); !written) return written;
  auto written = write_tables(files_, open_.table.get(), places_, first, records, detectors);
  const std::int64_t valid = first + count;
  if (written) written = files_.write_at(open_.table.get(), bytes_of(valid), places_.valid);
  if (written) {
    frames_.store(valid, std::memory_order_release);  // Pairs with the acquire in frames().
  } else {
    // These frames go elsewhere: no whole record may stay behind `valid` for recovery to find.
    static constexpr std::array<std::byte, kFrameRecordBytes> kNothing{};
    static_cast<void>(
        files_.write_at(open_.table.get(), kNothing,
                        places_.records + first * static_cast<std::int64_t>(kFrameRecordBytes)));
  }
  return written;
}

Result<void> PlainSegment::write_pixels(std::int64_t first, std::span<const std::byte> pixels) {
  const bool contiguous = places_.run_stride == places_.frames_per_run * places_.frame_bytes;
  while (!pixels.empty()) {
    const std::int64_t in_run = first % places_.frames_per_run;
    const std::int64_t offset = offset_of_frame(places_, first);
    const auto left = static_cast<std::int64_t>(pixels.size());
    const std::int64_t bytes =
        contiguous ? left : std::min(left, (places_.frames_per_run - in_run) * places_.frame_bytes);
    const auto part = pixels.first(static_cast<std::size_t>(bytes));
    if (auto written = files_.write_at(open_.pixels.get(), part, offset); !written) return written;
    if (!open_.direct) files_.start_writeback(open_.pixels.get(), offset, bytes);
    pixels = pixels.subspan(part.size());
    first += bytes / places_.frame_bytes;
  }
  return {};
}

Result<void> PlainSegment::sync() {
  const std::int64_t covered = frames();
  // After a failed sync the kernel may have dropped pages and calls the next one good: `synced`
  // must not move any more, and recovery looks at each frame behind it.
  if (sync_failed_.load(std::memory_order_relaxed))
    return fail(ErrorCode::kIo, "an earlier sync failed");
  if (covered == synced_frames_) return {};
  auto synced = sync_files();
  sync_failed_.store(!synced, std::memory_order_relaxed);
  if (!synced) return synced;
  auto written = files_.write_at(open_.table.get(), bytes_of(covered), places_.synced);
  if (written) synced_frames_ = covered;
  return written;
}

Result<void> PlainSegment::sync_files() {
  if (!open_.one_file) {
    if (auto synced = files_.sync(open_.pixels.get()); !synced) return synced;
  }
  return files_.sync(open_.table.get());
}

}  // namespace framelog
