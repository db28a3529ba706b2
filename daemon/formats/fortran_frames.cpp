#include "formats/fortran_frames.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <tuple>

#include "core/crc32c.hpp"
#include "formats/byte_order.hpp"

namespace framelog {
namespace {

// Below a page of the cache it is cheaper to read what is between two runs than to ask again.
constexpr std::uint64_t kShortRunBytes = 4096;

}  // namespace

FortranFrames::FortranFrames(FileSystem& files, UniqueFd pixels, const PixelLayout& layout,
                             const Memory& memory) noexcept
    : files_(files), fd_(std::move(pixels)), layout_(layout), scan_columns_(layout.frames) {
  if (layout.scan) std::tie(scan_rows_, scan_columns_) = *layout.scan;
  pixel_count_ = std::uint64_t{layout.shape.height_px} * layout.shape.width_px;
  pixel_bytes_ = size_bytes(layout.shape.type);
  const std::uint64_t fitting = memory.frames_bytes / (pixel_count_ * pixel_bytes_);
  capacity_ = std::clamp<std::uint64_t>(fitting, 1, layout.frames);
  piece_values_ = std::max<std::uint64_t>(1, memory.piece_bytes / pixel_bytes_);
}

Result<std::unique_ptr<StoredFrames>> FortranFrames::over(FileSystem& files, UniqueFd pixels,
                                                          const std::filesystem::path& path,
                                                          const PixelLayout& layout,
                                                          std::string description,
                                                          const Memory& memory) {
  if (auto checked = check_length(files, pixels.get(), path, layout); !checked) {
    return std::unexpected(checked.error());
  }
  // make_unique() cannot call a private constructor.
  std::unique_ptr<FortranFrames> frames(
      new FortranFrames(files, std::move(pixels), layout, memory));
  const std::size_t bytes = frames->capacity_ * size_bytes(layout.shape);
  frames->gathered_.reset(new (std::nothrow) std::byte[bytes]);
  frames->piece_.reset(new (std::nothrow) std::byte[frames->piece_values_ * frames->pixel_bytes_]);
  if (!frames->gathered_ || !frames->piece_) {
    return fail(ErrorCode::kNoMemory, "not enough memory to gather the frames of", path.string());
  }
  StoredFacts& facts = frames->facts_;
  facts.shape = layout.shape;
  facts.frames = layout.frames;
  facts.scan = layout.scan;
  facts.description = std::move(description);
  facts.inputs = {path};
  return frames;
}

Result<StoredInfo> FortranFrames::info(std::uint64_t index) noexcept {
  StoredInfo stored;
  stored.info.sequence = index;
  stored.info.source_sequence = index;
  return stored;
}

Result<bool> FortranFrames::read(std::uint64_t index, std::span<std::byte> pixels,
                                 std::optional<std::uint32_t> crc32c) noexcept {
  if (index - first_ >= count_) {
    if (auto gathered = gather(index); !gathered) return std::unexpected(gathered.error());
  }
  std::memcpy(pixels.data(), gathered_.get() + (index - first_) * pixels.size(), pixels.size());
  const bool intact = !crc32c || framelog::crc32c(pixels) == *crc32c;
  if (layout_.big_endian) swap_bytes(pixels, pixel_bytes_);
  return intact;
}

// Frame f is point (r, c) of the scan, and lies at place r + rows * c of every pixel's values.
Result<void> FortranFrames::gather(std::uint64_t first) noexcept {
  first_ = first;
  count_ = std::min(capacity_, layout_.frames - first);
  const std::uint64_t last = first + count_ - 1;
  std::uint64_t place = 0;
  std::uint64_t length = layout_.frames;
  if (first / scan_columns_ == last / scan_columns_) {
    place = first / scan_columns_ + scan_rows_ * (first % scan_columns_);
    length = scan_rows_ * (last - first) + 1;
  }
  const bool short_runs = length * pixel_bytes_ < kShortRunBytes;
  const bool whole_rows_fit = layout_.frames <= piece_values_;
  auto gathered =
      short_runs && whole_rows_fit ? gather_rows(place, length) : gather_runs(place, length);
  if (!gathered) count_ = 0;
  return gathered;
}

Result<void> FortranFrames::gather_runs(std::uint64_t place, std::uint64_t length) noexcept {
  for (std::uint64_t pixel = 0; pixel < pixel_count_; ++pixel) {
    for (std::uint64_t done = 0; done < length; done += piece_values_) {
      const Run run{pixel, place + done, std::min(piece_values_, length - done)};
      if (auto got = fetch(pixel * layout_.frames + run.place, run.length); !got) return got;
      scatter(run, piece_.get());
    }
  }
  return {};
}

Result<void> FortranFrames::gather_rows(std::uint64_t place, std::uint64_t length) noexcept {
  const std::uint64_t rows = piece_values_ / layout_.frames;
  for (std::uint64_t pixel = 0; pixel < pixel_count_; pixel += rows) {
    const std::uint64_t got_rows = std::min(rows, pixel_count_ - pixel);
    if (auto got = fetch(pixel * layout_.frames, got_rows * layout_.frames); !got) return got;
    for (std::uint64_t row = 0; row < got_rows; ++row) {
      const std::uint64_t value = row * layout_.frames + place;
      scatter({pixel + row, place, length}, piece_.get() + value * pixel_bytes_);
    }
  }
  return {};
}

Result<void> FortranFrames::fetch(std::uint64_t value, std::uint64_t count) noexcept {
  const std::span<std::byte> into(piece_.get(), count * pixel_bytes_);
  const auto got = files_.read_at(
      fd_.get(), into, layout_.offset_bytes + static_cast<std::int64_t>(value * pixel_bytes_));
  if (!got) return fail_errno(got.error().system_errno, "cannot read a frame");
  if (*got < into.size()) {
    return fail(ErrorCode::kCorrupt, "the file has become shorter than its description");
  }
  return {};
}

void FortranFrames::scatter(const Run& run, const std::byte* values) noexcept {
  if (pixel_bytes_ == 1) scatter_as<std::uint8_t>(run, values);
  if (pixel_bytes_ == 2) scatter_as<std::uint16_t>(run, values);
  if (pixel_bytes_ == 4) scatter_as<std::uint32_t>(run, values);
  if (pixel_bytes_ == 8) scatter_as<std::uint64_t>(run, values);
}

template <class T>
void FortranFrames::scatter_as(const Run& run, const std::byte* values) noexcept {
  const std::uint64_t height = layout_.shape.height_px;
  const std::uint64_t at = run.pixel % height * layout_.shape.width_px + run.pixel / height;
  std::byte* const pixel = gathered_.get() + at * sizeof(T);
  std::uint64_t row = run.place % scan_rows_;
  std::uint64_t column = run.place / scan_rows_;
  for (std::uint64_t i = 0; i < run.length; ++i) {
    const std::uint64_t in_block = row * scan_columns_ + column - first_;
    if (in_block < count_) {
      std::memcpy(pixel + in_block * pixel_count_ * sizeof(T), values + i * sizeof(T), sizeof(T));
    }
    if (++row == scan_rows_) {
      row = 0;
      ++column;
    }
  }
}

}  // namespace framelog
