#include "formats/chunk_index.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "core/crc32c.hpp"

namespace framelog {
namespace {

constexpr std::int64_t kPageBytes = 4096;
constexpr std::size_t kStagedRows = 256;
constexpr std::size_t kMostDetectors = 4096;
constexpr std::int64_t kMostImageBytes = std::int64_t{1} << 32U;
constexpr std::int64_t kMostFrames = std::int64_t{1} << 32U;

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

template <class T>
std::span<std::byte> writable_bytes_of(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

std::int64_t rows_begin(const ChunkIndexHead& head) noexcept {
  return kChunkIndexHeadBytes + (head.image_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

std::uint32_t crc_of(const ChunkIndexHead& head) noexcept {
  return crc32c(bytes_of(head).subspan(offsetof(ChunkIndexHead, crc) + sizeof head.crc));
}

bool is_possible(const ChunkIndexHead& head) {
  return head.detectors <= kMostDetectors &&
         head.row_bytes == sizeof(ChunkRow) + head.detectors * sizeof(double) &&
         head.pixel_type <= static_cast<std::uint32_t>(PixelType::kFloat64) &&
         head.codec <= static_cast<std::uint32_t>(Codec::kLzw) && head.image_bytes > 0 &&
         head.image_bytes < kMostImageBytes && head.capacity_frames > 0 &&
         head.capacity_frames < kMostFrames && head.pixels_begin >= head.image_bytes &&
         head.pixels_end >= head.pixels_begin;
}

}  // namespace

std::filesystem::path chunk_index_path(const std::filesystem::path& segment) {
  std::string text = segment.string();
  std::string ending;
  for (const std::string_view state : {".part", ".new", ".ready"}) {
    if (!text.ends_with(state)) continue;
    ending = state;
    text.resize(text.size() - state.size());
  }
  if (text.ends_with(".h5")) text.resize(text.size() - 3);
  return text + ".chunks" + ending;
}

ChunkIndex::ChunkIndex(FileSystem& files, UniqueFd fd, const ChunkIndexHead& head)
    : files_(&files), fd_(std::move(fd)), head_(head), staging_(kStagedRows * head.row_bytes) {}

std::int64_t ChunkIndex::file_bytes(const ChunkIndexHead& head) noexcept {
  return rows_begin(head) + head.capacity_frames * std::int64_t{head.row_bytes};
}

std::int64_t ChunkIndex::place_of(std::int64_t frame) const noexcept {
  return rows_begin(head_) + frame * std::int64_t{head_.row_bytes};
}

Result<ChunkIndex> ChunkIndex::create(FileSystem& files, const std::filesystem::path& path,
                                      ChunkIndexHead head, std::span<const std::byte> image) {
  head.row_bytes = static_cast<std::uint32_t>(sizeof(ChunkRow) + head.detectors * sizeof(double));
  head.image_bytes = static_cast<std::int64_t>(image.size());
  head.image_crc = crc32c(image);
  head.crc = crc_of(head);
  auto fd = files.open(path, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return std::unexpected(fd.error());
  auto done = files.reserve(fd->get(), file_bytes(head), 0);
  if (done) done = files.write_at(fd->get(), bytes_of(head), 0);
  if (done) done = files.write_at(fd->get(), image, kChunkIndexHeadBytes);
  if (!done) return std::unexpected(done.error());
  return ChunkIndex(files, std::move(*fd), head);
}

Result<ChunkIndex> ChunkIndex::open(FileSystem& files, const std::filesystem::path& path,
                                    int flags) {
  auto fd = files.open(path, flags);
  if (!fd) return std::unexpected(fd.error());
  ChunkIndexHead head;
  const ChunkIndexHead expected;
  const auto got = files.read_at(fd->get(), writable_bytes_of(head), 0);
  if (!got) return std::unexpected(got.error());
  if (*got != sizeof head || !std::ranges::equal(head.magic, expected.magic) ||
      head.version != expected.version || head.crc != crc_of(head) || !is_possible(head)) {
    return fail(ErrorCode::kCorrupt, "bad head in", path.string());
  }
  return ChunkIndex(files, std::move(*fd), head);
}

Result<std::vector<std::byte>> ChunkIndex::image() const {
  const auto size = files_->size_bytes(fd_.get());
  if (!size) return std::unexpected(size.error());
  if (*size < rows_begin(head_)) return fail(ErrorCode::kCorrupt, "the index of chunks ends early");
  std::vector<std::byte> image(static_cast<std::size_t>(head_.image_bytes));
  const auto got = files_->read_at(fd_.get(), image, kChunkIndexHeadBytes);
  if (!got) return std::unexpected(got.error());
  if (*got != image.size() || crc32c(image) != head_.image_crc) {
    return fail(ErrorCode::kCorrupt, "the image in the index of chunks is damaged");
  }
  return image;
}

ChunkIndexCounts ChunkIndex::counts() const {
  ChunkIndexCounts counts;
  const auto got = files_->read_at(fd_.get(), writable_bytes_of(counts), kChunkIndexCounts);
  if (!got || *got != sizeof counts) return {};
  counts.valid = std::clamp(counts.valid, std::int64_t{0}, head_.capacity_frames);
  counts.synced = std::clamp(counts.synced, std::int64_t{0}, head_.capacity_frames);
  return counts;
}

Result<void> ChunkIndex::put(std::int64_t first, std::span<ChunkRow> rows,
                             std::span<const double> sums) {
  const std::size_t step = head_.row_bytes;
  const std::size_t detectors = head_.detectors;
  for (std::size_t done = 0; done < rows.size();) {
    const std::size_t count = std::min(rows.size() - done, kStagedRows);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = std::span(staging_).subspan(i * step, step);
      std::memcpy(row.data(), &rows[done + i], sizeof(ChunkRow));
      const auto own = std::as_bytes(sums.subspan((done + i) * detectors, detectors));
      std::ranges::copy(own, row.begin() + sizeof(ChunkRow));
      const std::uint32_t crc = crc32c(row.subspan(sizeof crc));
      std::memcpy(row.data(), &crc, sizeof crc);
      rows[done + i].crc = crc;
    }
    const auto place = place_of(first + static_cast<std::int64_t>(done));
    if (auto written = files_->write_at(fd_.get(), std::span(staging_).first(count * step), place);
        !written) {
      return written;
    }
    done += count;
  }
  return {};
}

void ChunkIndex::forget(std::int64_t frame) noexcept {
  const ChunkRow nothing{};
  static_cast<void>(files_->write_at(fd_.get(), bytes_of(nothing), place_of(frame)));
}

Result<void> ChunkIndex::set_valid(std::int64_t frames) {
  return files_->write_at(fd_.get(), bytes_of(frames),
                          kChunkIndexCounts + offsetof(ChunkIndexCounts, valid));
}

Result<void> ChunkIndex::set_synced(std::int64_t frames) {
  return files_->write_at(fd_.get(), bytes_of(frames),
                          kChunkIndexCounts + offsetof(ChunkIndexCounts, synced));
}

Result<void> ChunkIndex::sync() { return files_->sync(fd_.get()); }

Result<ChunkIndex::Rows> ChunkIndex::rows(std::int64_t first, std::int64_t count) const {
  const std::size_t step = head_.row_bytes;
  const std::size_t detectors = head_.detectors;
  count =
      std::clamp(count, std::int64_t{0}, std::max(std::int64_t{0}, head_.capacity_frames - first));
  const auto wanted = static_cast<std::size_t>(count);
  Rows rows{std::vector<ChunkRow>(wanted), std::vector<double>(wanted * detectors)};
  std::vector<std::byte> staging(std::min(kStagedRows, wanted) * step);
  for (std::size_t done = 0; done < wanted;) {
    const std::size_t part = std::min(wanted - done, kStagedRows);
    const auto read = std::span(staging).first(part * step);
    const auto got =
        files_->read_at(fd_.get(), read, place_of(first + static_cast<std::int64_t>(done)));
    if (!got) return std::unexpected(got.error());
    for (std::size_t i = 0; i < part && (i + 1) * step <= *got; ++i) {
      const auto bytes = read.subspan(i * step, step);
      ChunkRow row;
      std::memcpy(&row, bytes.data(), sizeof row);
      if (row.crc != crc32c(bytes.subspan(sizeof row.crc)) || !is_intact(row.record)) continue;
      rows.rows[done + i] = row;
      if (detectors > 0) {
        std::memcpy(&rows.sums[(done + i) * detectors], bytes.data() + sizeof row,
                    detectors * sizeof(double));
      }
    }
    done += part;
  }
  return rows;
}

}  // namespace framelog
