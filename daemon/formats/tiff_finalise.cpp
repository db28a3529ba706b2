#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "formats/tiff_account.hpp"
#include "formats/tiff_segment.hpp"
#include "formats/tiff_strips.hpp"
#include "formats/tiff_text.hpp"

namespace framelog {
namespace {

using namespace tiff;
using std::filesystem::path;

constexpr std::int64_t kLeastHoleBytes = std::int64_t{64} << 10U;
constexpr std::int64_t kPage = 4096;

struct Text {
  std::uint16_t tag{};
  std::string bytes;  ///< With its NUL.
  std::int64_t offset{};
};

/// An open .part with what is needed to finish it.
struct Part {
  FileSystem& files;
  UniqueFd fd;
  Layout layout;

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes, std::int64_t offset) const {
    return files.write_at(fd.get(), bytes, offset);
  }
  [[nodiscard]] Result<void> write_integer(std::int64_t value, std::size_t member) const {
    return write(std::as_bytes(std::span(&value, 1)), kBlockAt + static_cast<std::int64_t>(member));
  }
  /// Turns the header to another first directory.
  [[nodiscard]] Result<void> turn_to(std::int64_t directory) const {
    std::array<std::byte, 16> header{};
    put_header(header, layout.big(), directory);
    const auto bytes = std::span<const std::byte>(header).first(
        static_cast<std::size_t>(header_bytes(layout.big())));
    return write(bytes, 0);
  }
};

Result<Part> open_part(FileSystem& files, const path& part) {
  auto fd = files.open(part, O_RDWR);
  if (!fd) return std::unexpected(fd.error());
  const auto layout = read_layout(files, fd->get(), part);
  if (!layout) return std::unexpected(layout.error());
  return Part{files, std::move(*fd), *layout};
}

Result<std::vector<FrameRecord>> read_records(const Part& part, std::int64_t frames) {
  std::vector<FrameRecord> records(static_cast<std::size_t>(frames));
  const auto bytes = std::as_writable_bytes(std::span(records));
  const auto got = part.files.read_at(part.fd.get(), bytes, part.layout.block.records);
  if (!got) return std::unexpected(got.error());
  if (*got != bytes.size()) return fail(ErrorCode::kCorrupt, "the TIFF ends early");
  return records;
}

Result<std::string> read_started(const Part& part) {
  std::string text(static_cast<std::size_t>(part.layout.block.description_bytes), '\0');
  const auto got = part.files.read_at(part.fd.get(), std::as_writable_bytes(std::span(text)),
                                      part.layout.block.description);
  if (!got) return std::unexpected(got.error());
  if (*got != text.size()) return fail(ErrorCode::kCorrupt, "the TIFF ends early");
  return text;
}

/// Behind the last of the frames.
Result<std::int64_t> end_of_pixels(const Part& part, std::int64_t frames) {
  if (frames == 0) return part.layout.block.pixels;
  if (part.layout.codec == Codec::kNone) return plain_strip(part.layout, frames).offset;
  const auto last = read_strip(part.files, part.fd.get(), part.layout, frames - 1);
  if (!last) return std::unexpected(last.error());
  return last->offset + strip_room(last->bytes);
}

/// Where values of tags may begin.
constexpr std::int64_t even(std::int64_t offset) noexcept { return (offset + 1) / 2 * 2; }

/// The texts behind the pixels, with their places; the last one ends where the file will.
Result<std::vector<Text>> texts_of(const Part& part, std::int64_t from,
                                   const std::vector<FrameRecord>& records, const SegmentEnd& end) {
  const auto started = read_started(part);
  if (!started) return std::unexpected(started.error());
  const auto about = read_about(*started);
  if (!about) return std::unexpected(about.error());
  auto account = complete_account(*started, static_cast<std::int64_t>(records.size()), end);
  if (!account) return std::unexpected(account.error());
  const bool ome = part.layout.block.kind == Kind::kOme;
  std::vector<Text> texts{{kImageDescription,
                           ome ? ome_xml(*about, part.layout.shape, records, end.file_name)
                               : imagej_text(*about, records),
                           0},
                          {kProvenance, end.provenance_json, 0},
                          {kDescription, std::move(*account), 0}};
  std::int64_t offset = even(from);
  for (Text& text : texts) {
    text.bytes += '\0';
    text.offset = offset;
    offset = even(offset + static_cast<std::int64_t>(text.bytes.size()));
  }
  if (!part.layout.big() && offset > std::int64_t{std::numeric_limits<std::uint32_t>::max()}) {
    return fail(ErrorCode::kUnsupported, "what the segment tells of itself is beyond 64 MiB");
  }
  return texts;
}

/// The tags of the first frame, and those of the whole file.
Result<std::vector<Entry>> first_entries(const Part& part, const std::vector<FrameRecord>& records,
                                         const std::vector<Text>& texts) {
  const auto strip = read_strip(part.files, part.fd.get(), part.layout, 0);
  if (!strip) return std::unexpected(strip.error());
  const auto of_frame = frame_entries(part.layout, *strip);
  std::vector<Entry> entries(of_frame.begin(), of_frame.end());
  for (const Text& text : texts) {
    entries.push_back(
        {text.tag, Type::kAscii, text.bytes.size(), static_cast<std::uint64_t>(text.offset)});
  }
  std::array<char, kMostSoftwareBytes> software{};
  const auto got =
      part.files.read_at(part.fd.get(), std::as_writable_bytes(std::span(software)), kSoftwareAt);
  if (!got) return std::unexpected(got.error());
  entries.push_back({kSoftware, Type::kAscii, ::strnlen(software.data(), software.size() - 1) + 1,
                     static_cast<std::uint64_t>(kSoftwareAt)});
  entries.push_back(
      {kDateTime, Type::kAscii, kDateTimeBytes, static_cast<std::uint64_t>(kDateTimeAt)});
  entries.push_back({kFrameTable, Type::kUndefined, records.size() * kFrameRecordBytes,
                     static_cast<std::uint64_t>(part.layout.block.records)});
  std::ranges::sort(entries, {}, &Entry::tag);
  return entries;
}

Result<void> write_first(const Part& part, const std::vector<FrameRecord>& records,
                         const std::vector<Text>& texts) {
  const auto entries = first_entries(part, records, texts);
  if (!entries) return std::unexpected(entries.error());
  const std::string time = tiff_time(std::max<std::int64_t>(0, records.front().utc_ns));
  if (auto done = part.write(std::as_bytes(std::span(time)), kDateTimeAt); !done) return done;
  const bool big = part.layout.big();
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(entries_bytes(big, entries->size()) + link_bytes(big)));
  put_directory(bytes, big, *entries, records.size() > 1 ? part.layout.directory_of(1) : 0);
  return part.write(bytes, part.layout.block.first_directory);
}

/// Gives back what was reserved for frames that did not come.
void punch_holes(const Part& part, std::int64_t frames) {
  const Block& block = part.layout.block;
  const auto punch = [&](std::int64_t from, std::int64_t to) {
    from = (from + kPage - 1) / kPage * kPage;
    to = to / kPage * kPage;
    // A file system without holes keeps the bytes: a larger file, not a wrong one.
    if (to - from >= kLeastHoleBytes) {
      static_cast<void>(part.files.punch_hole(part.fd.get(), from, to - from));
    }
  };
  punch(part.layout.directory_of(frames), block.records);
  punch(block.records + frames * std::int64_t{kFrameRecordBytes}, block.pixels);
}

Result<std::int64_t> finish(const Part& part, std::int64_t frames, const SegmentEnd& end) {
  const Layout& layout = part.layout;
  if (auto done = complete_directories(part.files, part.fd.get(), layout, frames); !done) {
    return std::unexpected(done.error());
  }
  const auto records = read_records(part, frames);
  if (!records) return std::unexpected(records.error());
  const auto pixels_end = end_of_pixels(part, frames);
  if (!pixels_end) return std::unexpected(pixels_end.error());
  const auto texts = texts_of(part, *pixels_end, *records, end);
  if (!texts) return std::unexpected(texts.error());
  Result<void> done;
  for (const Text& text : *texts) {
    if (done) done = part.write(std::as_bytes(std::span(text.bytes)), text.offset);
  }
  if (done) done = write_first(part, *records, *texts);
  if (done) done = part.write_integer(frames, offsetof(Block, finished_frames));
  const std::int64_t size =
      texts->back().offset + static_cast<std::int64_t>(texts->back().bytes.size());
  if (done) done = part.files.resize(part.fd.get(), size);
  if (!done) return std::unexpected(done.error());
  punch_holes(part, frames);
  if (done) done = part.turn_to(layout.block.first_directory);
  if (done) done = part.files.sync(part.fd.get());
  if (!done) return std::unexpected(done.error());
  return size;
}

}  // namespace

// The texts take the place of frames that are not kept, and the tables may get holes: recording
// cannot go on behind that, and the mark says so. Nothing that undo_tiff() needs is overwritten.
Result<SegmentSummary> finalise_tiff(FileSystem& files, const path& part, std::int64_t frames,
                                     const SegmentEnd& end) {
  const auto open = open_part(files, part);
  if (!open) return std::unexpected(open.error());
  if (frames < 1 || frames > open->layout.block.capacity) {
    return fail(ErrorCode::kInvalid, "a TIFF holds a frame at least:", part.string());
  }
  if (auto done = open->write_integer(1, offsetof(Block, finishing)); !done) {
    return std::unexpected(done.error());
  }
  const auto size = finish(*open, frames, end);
  if (!size) return std::unexpected(size.error());
  return SegmentSummary{frames, *size};
}

Result<void> undo_tiff(FileSystem& files, const path& part) {
  if (!files.exists(part)) return {};
  const auto open = open_part(files, part);
  if (!open) return std::unexpected(open.error());
  if (open->layout.block.finishing == 0) return {};
  auto done = open->turn_to(open->layout.block.directories);
  if (done) done = files.resize(open->fd.get(), open->layout.block.file_bytes);
  if (done) done = files.sync(open->fd.get());
  if (done) done = open->write_integer(0, offsetof(Block, finishing));
  return done;
}

Result<void> publish_tiff(FileSystem& files, const path& part, const path& final_path) {
  if (auto moved = files.rename(part, final_path); !moved) return moved;
  // Behind the rename nothing is a failure: the segment is there.
  static_cast<void>(files.sync_directory(final_path.parent_path()));
  return {};
}

}  // namespace framelog
