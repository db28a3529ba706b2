#include <fcntl.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/crc32c.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_packed_part.hpp"
#include "formats/hdf5_packed_segment.hpp"
#include "formats/hdf5_segment.hpp"

namespace framelog {
namespace {

using namespace hdf5;
using std::filesystem::path;

constexpr std::int64_t kStep = 1024;
constexpr std::int64_t kWorthPunching = std::int64_t{1} << 20U;

/// Calls `take(first, rows)` for all frames, some at a time.
template <class Take>
Result<void> for_rows(const PackedPart& part, std::int64_t frames, Take take) {
  for (std::int64_t first = 0; first < frames; first += kStep) {
    auto rows = part.rows(first, std::min(kStep, frames - first));
    if (!rows) return std::unexpected(rows.error());
    if (auto taken = take(first, *rows); !taken) return taken;
  }
  return {};
}

Result<void> write_index(FileSystem& files, const PackedPart& part, const path& place,
                         std::int64_t frames) {
  const auto& head = part.head();
  ChunkIndexHead facts;
  facts.detectors = static_cast<std::uint32_t>(head.tables.detectors.size());
  facts.codec = static_cast<std::uint32_t>(head.compression.codec);
  facts.level = head.compression.level;
  facts.height_px = head.shape.height_px;
  facts.width_px = head.shape.width_px;
  facts.pixel_type = static_cast<std::uint32_t>(head.shape.type);
  facts.capacity_frames = head.tables.capacity_frames;
  facts.pixels_begin = facts.pixels_end = part.pixels_begin();
  auto index = ChunkIndex::create(files, place, facts, head.image);
  if (!index) return std::unexpected(index.error());
  auto done = for_rows(part, frames, [&](std::int64_t first, ChunkIndex::Rows& rows) {
    for (ChunkRow& row : rows.rows) {
      if (const auto bytes = part.packed(row)) row.packed_crc = crc32c(*bytes);
    }
    return index->put(first, rows.rows, rows.sums);
  });
  if (done) done = index->set_valid(frames);
  if (done) done = index->set_synced(frames);
  if (done) done = index->sync();
  return done;
}

/// Without an index an interruption could not be repeated: it is made of HDF5's metadata first. A
/// damaged one is put aside.
Result<void> rebuild_index(FileSystem& files, const PackedPart& opened, const path& part,
                           std::int64_t frames) {
  const path place = chunk_index_path(part);
  const path fresh = place.string() + ".new";
  if (files.exists(fresh)) {
    if (auto removed = files.remove(fresh); !removed) return removed;
  }
  if (auto written = write_index(files, opened, fresh, frames); !written) return written;
  if (files.exists(place)) {
    std::string aside = place.string() + ".damaged";
    for (int number = 2; files.exists(aside); ++number) {
      aside = place.string() + ".damaged_" + std::to_string(number);
    }
    if (auto moved = files.rename(place, aside); !moved) return moved;
  }
  if (auto moved = files.rename(fresh, place); !moved) return moved;
  return files.sync_directory(part.parent_path());
}

/// What finalising needs of the frames.
struct Contents {
  std::vector<FrameRecord> records;
  Thumbnails thumbnails;
  std::int64_t run_start_utc_ns{};
  std::int64_t extra_bytes{};  ///< That finalising adds.
};

Result<Contents> read_contents(FileSystem& files, const path& part, const PackedHead& head,
                               std::int64_t frames) {
  auto reader = open_packed_part(files, part);
  if (!reader) return std::unexpected(reader.error());
  auto records = (*reader)->records(frames);
  if (!records) return std::unexpected(records.error());
  const auto image = open_image(head.image);
  if (!image) return std::unexpected(image.error());
  const auto start = read_integer(image->get(), kReadout + "/run_start_utc_ns");
  if (!start) return std::unexpected(start.error());
  SegmentDescription like;
  like.scan = (*reader)->scan();
  like.detectors.resize(head.tables.detectors.size());
  like.capacity_frames = frames;
  return Contents{std::move(*records), make_thumbnails(**reader, frames), *start,
                  finalise_bytes(like)};
}

/// Behind the last of the frames.
Result<std::int64_t> end_of_frames(const PackedPart& part, std::int64_t frames) {
  std::int64_t end = part.pixels_begin();
  auto done = for_rows(part, frames, [&](std::int64_t, const ChunkIndex::Rows& rows) {
    for (const ChunkRow& row : rows.rows) end = std::max(end, row.offset + row.bytes);
    return Result<void>{};
  });
  if (!done) return std::unexpected(done.error());
  constexpr std::int64_t kAlignment = 8;
  return (end + kAlignment - 1) / kAlignment * kAlignment;
}

Result<void> write_count(FileSystem& files, int fd, std::int64_t place, std::int64_t count) {
  return files.write_at(fd, std::as_bytes(std::span(&count, 1)), place);
}

/// Makes the file as it was after the last of its frames, whatever has become of it since.
Result<void> restore(FileSystem& files, int fd, const PackedPart& part, std::int64_t frames,
                     std::int64_t end) {
  const PackedHead& head = part.head();
  // All rows before anything is written, for what the index does not know.
  ChunkIndex::Rows all;
  auto done = for_rows(part, frames, [&](std::int64_t, const ChunkIndex::Rows& rows) {
    all.rows.insert(all.rows.end(), rows.rows.begin(), rows.rows.end());
    all.sums.insert(all.sums.end(), rows.sums.begin(), rows.sums.end());
    return Result<void>{};
  });
  if (done) done = lay_down(files, fd, head, end);
  if (!done) return done;
  std::vector<FrameRecord> records;
  std::vector<ChunkPlace> chunks;
  for (const ChunkRow& row : all.rows) {
    records.push_back(row.record);
    chunks.push_back({row.offset, row.bytes, row.filter_mask});
  }
  done = write_tables(files, fd, head.tables, 0, records, all.sums);
  if (done) done = ChunkArray(files, head.chunks).put(fd, 0, chunks);
  if (done) done = write_count(files, fd, head.tables.valid, frames);
  if (done) done = write_count(files, fd, head.tables.synced, frames);
  if (done) done = PackedRows(files, head).publish(fd, frames);
  return done;
}

/// Gives back what is behind the rows of the tables and of the index.
void punch(FileSystem& files, int fd, const PackedHead& head, std::int64_t frames) {
  struct Hole {
    std::int64_t offset;
    std::int64_t length;
  };
  std::vector<Hole> holes;
  const auto add = [&](std::int64_t place, std::int64_t row_bytes) {
    holes.push_back(
        {place + frames * row_bytes, (head.tables.capacity_frames - frames) * row_bytes});
  };
  add(head.tables.records, kFrameRecordBytes);
  add(head.tables.time, sizeof(double));
  for (const std::int64_t place : head.tables.detectors) add(place, sizeof(double));
  const ArrayPlaces& array = head.chunks;
  const std::int64_t pages = (frames + kArrayPageEntries - 1) / kArrayPageEntries;
  const std::int64_t used = array.prefix_bytes() + pages * array.page_bytes();
  holes.push_back({array.block + used, array.size_bytes() - used});
  std::int64_t bytes = 0;
  for (const Hole& hole : holes) bytes += hole.length;
  if (bytes < kWorthPunching) return;
  for (const Hole& hole : holes) {
    // A file system without holes keeps the bytes: a larger file, not a wrong one.
    if (hole.length > 0) static_cast<void>(files.punch_hole(fd, hole.offset, hole.length));
  }
}

Result<void> complete(const path& part, const PackedHead& head, const Contents& contents,
                      const SegmentEnd& end) {
  auto file = open_file(part.string(), H5F_ACC_RDWR);
  if (!file) return std::unexpected(file.error());
  Tree tree(std::move(*file));
  write_ending(tree, {contents.records, contents.thumbnails, head.tables.run_start_monotonic_ns,
                      contents.run_start_utc_ns, end});
  tree.close();
  if (!tree.good()) return hdf5::failure(tree.error());
  return {};
}

}  // namespace

Result<SegmentSummary> finalise_packed_hdf5(FileSystem& files, const path& part,
                                            std::int64_t frames, const SegmentEnd& end) {
  auto opened = PackedPart::open(files, part);
  if (opened && !opened->has_index()) {
    if (auto rebuilt = rebuild_index(files, *opened, part, frames); !rebuilt) {
      return std::unexpected(rebuilt.error());
    }
    opened = PackedPart::open(files, part);
  }
  if (!opened) return std::unexpected(opened.error());
  const PackedHead& head = opened->head();
  const auto contents = read_contents(files, part, head, frames);
  if (!contents) return std::unexpected(contents.error());
  const auto end_of_pixels = end_of_frames(*opened, frames);
  if (!end_of_pixels) return std::unexpected(end_of_pixels.error());
  auto fd = files.open(part, O_RDWR);
  if (!fd) return std::unexpected(fd.error());
  // A disk that is full is found out before HDF5 is asked.
  auto done = files.reserve(fd->get(), 0, *end_of_pixels + contents->extra_bytes);
  if (done) done = restore(files, fd->get(), *opened, frames, *end_of_pixels);
  if (!done) return std::unexpected(done.error());
  punch(files, fd->get(), head, frames);
  if (done) done = complete(part, head, *contents, end);
  if (done) done = files.sync(fd->get());
  if (!done) return std::unexpected(done.error());
  const auto size = files.size_bytes(fd->get());
  if (!size) return std::unexpected(size.error());
  return SegmentSummary{frames, *size};
}

}  // namespace framelog
