#include "formats/stored_frames.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>

#include "core/crc32c.hpp"
#include "formats/frame_record.hpp"

namespace framelog {
namespace {

constexpr std::uint64_t kLongestSidePx = std::numeric_limits<std::uint32_t>::max();
// More than any file system holds, and far from where sums of offsets overflow.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 60U;

std::optional<std::uint64_t> product(std::span<const std::uint64_t> factors) noexcept {
  std::uint64_t result = 1;
  for (const std::uint64_t factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::nullopt;
  }
  return result;
}

std::unexpected<Error> corrupt(const std::filesystem::path& path, std::string_view reason) {
  return fail(ErrorCode::kCorrupt, "cannot read", fmt::format("{}: {}", path.string(), reason));
}

template <class T>
void swap_each(std::span<std::byte> pixels) noexcept {
  for (std::size_t i = 0; i < pixels.size(); i += sizeof(T)) {
    T value{};
    std::memcpy(&value, pixels.data() + i, sizeof(T));
    value = std::byteswap(value);
    std::memcpy(pixels.data() + i, &value, sizeof(T));
  }
}

void swap_bytes(std::span<std::byte> pixels, std::size_t pixel_bytes) noexcept {
  if (pixel_bytes == 2) swap_each<std::uint16_t>(pixels);
  if (pixel_bytes == 4) swap_each<std::uint32_t>(pixels);
  if (pixel_bytes == 8) swap_each<std::uint64_t>(pixels);
}

std::int64_t record_offset(std::uint64_t index) noexcept {
  return kFramesFileHeadBytes + static_cast<std::int64_t>(index * kFrameRecordBytes);
}

/// Why `head` is not that of the records of `layout`; empty when it is.
std::string objection(const FramesFileHead& head, const PixelLayout& layout) {
  const FramesFileHead expected;
  if (!std::ranges::equal(head.magic, expected.magic)) return "wrong magic bytes";
  if (head.version != expected.version || head.record_bytes != expected.record_bytes) {
    return fmt::format("version {} with records of {} bytes (allowed: version {}, {} bytes)",
                       head.version, head.record_bytes, expected.version, expected.record_bytes);
  }
  if (head.frame_bytes != size_bytes(layout.shape)) {
    return fmt::format("it belongs to frames of {} bytes, the pixels have {}", head.frame_bytes,
                       size_bytes(layout.shape));
  }
  if (head.valid < 0 || static_cast<std::uint64_t>(head.valid) != layout.frames) {
    return fmt::format("it says {} frames, the pixels say {}", head.valid, layout.frames);
  }
  return {};
}

FrameInfo info_of(const FrameRecord& record) noexcept {
  FrameInfo info;
  info.sequence = record.sequence;
  info.source_sequence = record.source_sequence;
  info.utc_ns = record.utc_ns;
  info.monotonic_ns = record.monotonic_ns;
  info.device_ns = record.device_ns;
  info.exposure_ns = record.exposure_ns;
  info.gpio = record.gpio;
  info.flags = record.flags;
  return info;
}

}  // namespace

std::expected<PixelLayout, std::string> layout_of(std::span<const std::uint64_t> dimensions,
                                                  PixelType type, bool big_endian) {
  if (dimensions.empty() || dimensions.size() > 4) {
    return std::unexpected(fmt::format(
        "an array of {} dimensions (allowed: 1, scalars; 2, one frame; 3, frames; 4, a scan)",
        dimensions.size()));
  }
  const std::string text = fmt::format("{}", fmt::join(dimensions, " x "));
  if (std::ranges::find(dimensions, 0U) != dimensions.end()) {
    return std::unexpected("an empty array of " + text);
  }
  const std::size_t frame_dimensions = dimensions.size() == 1 ? 0 : 2;
  const auto outer = dimensions.first(dimensions.size() - frame_dimensions);
  const auto sides = dimensions.last(frame_dimensions);
  const auto pixels = product(dimensions);
  if (!pixels || *pixels > kMaxBytes / size_bytes(type) ||
      std::ranges::any_of(sides, [](std::uint64_t side) { return side > kLongestSidePx; })) {
    return std::unexpected("an absurd array of " + text);
  }
  PixelLayout layout;
  layout.shape = {1, 1, type};
  if (!sides.empty()) {
    layout.shape.height_px = static_cast<std::uint32_t>(sides[0]);
    layout.shape.width_px = static_cast<std::uint32_t>(sides[1]);
  }
  layout.frames = product(outer).value_or(0);
  layout.big_endian = big_endian;
  return layout;
}

Result<StoredFrames> StoredFrames::over(FileSystem& files, UniqueFd pixels,
                                        const std::filesystem::path& path,
                                        const PixelLayout& layout) {
  const auto size = files.size_bytes(pixels.get());
  if (!size) return std::unexpected(size.error());
  const std::int64_t expected =
      layout.offset_bytes + static_cast<std::int64_t>(layout.frames * size_bytes(layout.shape));
  if (*size != expected) {
    return corrupt(path, fmt::format("{} than its description: {} bytes expected for {} frames of "
                                     "{}, {} found",
                                     *size < expected ? "shorter" : "longer", expected,
                                     layout.frames, to_string(layout.shape), *size));
  }
  StoredFrames frames(files, std::move(pixels), layout);
  frames.add_input(path);
  return frames;
}

Result<void> StoredFrames::add_records(const std::filesystem::path& path) {
  auto fd = open_regular_file(*files_, path);
  if (!fd) return std::unexpected(fd.error());
  FramesFileHead head;
  const auto got = files_->read_at(fd->get(), std::as_writable_bytes(std::span(&head, 1)), 0);
  const auto size = files_->size_bytes(fd->get());
  if (!got) return fail_errno(got.error().system_errno, "cannot read", path.string());
  if (!size) return fail_errno(size.error().system_errno, "cannot read", path.string());
  if (*got < sizeof(head)) return corrupt(path, "the head is cut off");
  if (const std::string reason = objection(head, layout_); !reason.empty()) {
    return corrupt(path, reason);
  }
  if (*size < record_offset(layout_.frames)) {
    return corrupt(path, fmt::format("shorter than its description: {} bytes expected, {} found",
                                     record_offset(layout_.frames), *size));
  }
  records_ = std::move(*fd);
  add_input(path);
  return {};
}

Result<StoredInfo> StoredFrames::info(std::uint64_t index) const noexcept {
  StoredInfo stored;
  stored.info.sequence = index;
  stored.info.source_sequence = index;
  if (!has_records()) return stored;
  FrameRecord record;
  const auto got = files_->read_at(records_.get(), std::as_writable_bytes(std::span(&record, 1)),
                                   record_offset(index));
  if (!got) return fail_errno(got.error().system_errno, "cannot read a frame's record");
  if (*got < sizeof(record)) {
    return fail(ErrorCode::kCorrupt, "the file of frame records has become shorter");
  }
  if (!is_intact(record)) {
    stored.info.flags = kFlagCorrupt;
    return stored;
  }
  stored.info = info_of(record);
  stored.crc32c = record.crc32c;
  return stored;
}

Result<bool> StoredFrames::read(std::uint64_t index, std::span<std::byte> pixels,
                                std::optional<std::uint32_t> crc32c) const noexcept {
  const std::int64_t offset =
      layout_.offset_bytes + static_cast<std::int64_t>(index * size_bytes(layout_.shape));
  const auto got = files_->read_at(pixels_.get(), pixels, offset);
  if (!got) return fail_errno(got.error().system_errno, "cannot read a frame");
  if (*got < pixels.size()) {
    return fail(ErrorCode::kCorrupt, "the file has become shorter than its description");
  }
  const bool intact = !crc32c || framelog::crc32c(pixels) == *crc32c;
  if (layout_.big_endian) swap_bytes(pixels, size_bytes(layout_.shape.type));
  return intact;
}

Result<UniqueFd> open_regular_file(FileSystem& files, const std::filesystem::path& path) {
  auto fd = files.open(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return fd;
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return fail_errno(errno, "cannot open", path.string());
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kInvalid, "cannot read",
                path.string() + (S_ISDIR(status.st_mode) ? ": a directory" : ": not a file") +
                    " (allowed: a regular file)");
  }
  return fd;
}

}  // namespace framelog
