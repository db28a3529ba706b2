#include "formats/contiguous_frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "formats/byte_order.hpp"
#include "formats/checked_read.hpp"
#include "formats/frame_record.hpp"
#include "formats/stored_record.hpp"

namespace framelog {
namespace {

std::unexpected<Error> corrupt(const std::filesystem::path& path, std::string_view reason) {
  return fail(ErrorCode::kCorrupt, "cannot read", fmt::format("{}: {}", path.string(), reason));
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

}  // namespace

Result<std::unique_ptr<ContiguousFrames>> ContiguousFrames::over(FileSystem& files, UniqueFd pixels,
                                                                 const std::filesystem::path& path,
                                                                 const PixelLayout& layout,
                                                                 std::string description) {
  if (auto checked = check_length(files, pixels.get(), path, layout); !checked) {
    return std::unexpected(checked.error());
  }
  // make_unique() cannot call a private constructor.
  std::unique_ptr<ContiguousFrames> frames(new ContiguousFrames(files, std::move(pixels), layout));
  StoredFacts& facts = frames->facts_;
  facts.shape = layout.shape;
  facts.frames = layout.frames;
  facts.scan = layout.scan;
  facts.description = std::move(description);
  facts.inputs = {path};
  return frames;
}

Result<void> ContiguousFrames::add_records(const std::filesystem::path& path) {
  auto fd = open_regular_file(files_, path);
  if (!fd) return std::unexpected(fd.error());
  FramesFileHead head;
  const auto got = files_.read_at(fd->get(), std::as_writable_bytes(std::span(&head, 1)), 0);
  const auto size = files_.size_bytes(fd->get());
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
  facts_.has_times = true;
  add_input(path);
  return {};
}

Result<StoredInfo> ContiguousFrames::info(std::uint64_t index) noexcept {
  StoredInfo stored;
  stored.info.sequence = index;
  stored.info.source_sequence = index;
  if (!records_.valid()) return stored;
  FrameRecord record;
  const auto got = files_.read_at(records_.get(), std::as_writable_bytes(std::span(&record, 1)),
                                  record_offset(index));
  if (!got) return fail_errno(got.error().system_errno, "cannot read a frame's record");
  if (*got < sizeof(record)) {
    return fail(ErrorCode::kCorrupt, "the file of frame records has become shorter");
  }
  return stored_info_of(record, index);
}

Result<bool> ContiguousFrames::read(std::uint64_t index, std::span<std::byte> pixels,
                                    std::optional<std::uint32_t> crc32c) noexcept {
  const std::int64_t offset =
      layout_.offset_bytes + static_cast<std::int64_t>(index * size_bytes(layout_.shape));
  const auto intact = checked_read(files_, pixels_.get(), pixels, offset, crc32c);
  if (intact && layout_.big_endian) swap_bytes(pixels, size_bytes(layout_.shape.type));
  return intact;
}

}  // namespace framelog
