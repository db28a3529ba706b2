#include "formats/tiff_packer.hpp"

#include <algorithm>
#include <cstring>

namespace framelog::tiff {
namespace {

// Small frames are collected into writes of that size; larger ones go out as they are.
constexpr std::size_t kCollectedBytes = std::size_t{1} << 20U;
constexpr std::size_t kSmallBytes = kCollectedBytes / 4;
constexpr std::size_t kDirectories = 256;

std::size_t size_of(const Layout& layout, std::size_t bytes) noexcept {
  return layout.codec == Codec::kNone ? 0 : bytes;
}

}  // namespace

Packer::Packer(FileSystem& files, const Layout& layout, int fd)
    : files_(files),
      layout_(layout),
      fd_(fd),
      end_(layout.block.pixels),
      pixels_(size_of(layout, kCollectedBytes)),
      directories_(
          size_of(layout, kDirectories * static_cast<std::size_t>(layout.directory_stride()))) {}

Result<std::int64_t> Packer::write(std::int64_t first, std::span<const PackedFrame> frames) {
  const auto stride = static_cast<std::size_t>(layout_.directory_stride());
  used_ = 0;
  directories_used_ = 0;
  first_directory_ = first;
  std::int64_t offset = end_;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const PackedFrame& frame = frames[i];
    const auto bytes = static_cast<std::int64_t>(frame.bytes.size());
    if (bytes < 1 || bytes > layout_.frame_bytes() ||
        (!frame.is_packed && bytes != layout_.frame_bytes())) {
      return fail(ErrorCode::kInvalid, "a packed frame has an impossible size");
    }
    if (auto done = put_pixels(frame.bytes, offset); !done) return std::unexpected(done.error());
    if (directories_used_ + stride > directories_.size()) {
      if (auto done = flush_directories(); !done) return std::unexpected(done.error());
    }
    const std::int64_t number = first + static_cast<std::int64_t>(i);
    put_frame(std::span(directories_).subspan(directories_used_, stride), layout_,
              {offset, bytes, frame.is_packed},
              i + 1 < frames.size() ? layout_.directory_of(number + 1) : 0);
    directories_used_ += stride;
    offset += strip_room(bytes);
  }
  if (auto done = flush_pixels(); !done) return std::unexpected(done.error());
  if (auto done = flush_directories(); !done) return std::unexpected(done.error());
  return offset;
}

Result<void> Packer::put_pixels(std::span<const std::byte> pixels, std::int64_t offset) {
  const auto room = static_cast<std::size_t>(strip_room(static_cast<std::int64_t>(pixels.size())));
  if (used_ + room > pixels_.size() || room > kSmallBytes) {
    if (auto done = flush_pixels(); !done) return done;
  }
  if (room > kSmallBytes) {
    auto written = files_.write_at(fd_, pixels, offset);
    if (written) {
      files_.start_writeback(fd_, offset, static_cast<std::int64_t>(pixels.size()));
    }
    return written;
  }
  if (used_ == 0) pixels_offset_ = offset;
  std::memcpy(pixels_.data() + used_, pixels.data(), pixels.size());
  std::memset(pixels_.data() + used_ + pixels.size(), 0, room - pixels.size());
  used_ += room;
  return {};
}

Result<void> Packer::flush_pixels() {
  if (used_ == 0) return {};
  const auto written = files_.write_at(fd_, std::span(pixels_).first(used_), pixels_offset_);
  if (written) files_.start_writeback(fd_, pixels_offset_, static_cast<std::int64_t>(used_));
  used_ = 0;
  return written;
}

Result<void> Packer::flush_directories() {
  if (directories_used_ == 0) return {};
  const auto written = files_.write_at(fd_, std::span(directories_).first(directories_used_),
                                       layout_.directory_of(first_directory_));
  first_directory_ += static_cast<std::int64_t>(directories_used_) / layout_.directory_stride();
  directories_used_ = 0;
  return written;
}

}  // namespace framelog::tiff
