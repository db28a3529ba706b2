#include "formats/tiff_segment.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "formats/direct_io.hpp"
#include "formats/plain_segment.hpp"
#include "formats/tiff_account.hpp"
#include "formats/tiff_packer.hpp"
#include "formats/tiff_strips.hpp"

namespace framelog {
namespace {

using namespace tiff;
using std::filesystem::path;

std::string_view extension_of(Kind kind) noexcept {
  return kind == Kind::kOme ? ".ome.tif" : ".tif";
}

class TiffSegment final : public SegmentWriter {
 public:
  TiffSegment(FileSystem& files, const Layout& layout, SegmentFiles open_files, path ready)
      : files_(files),
        layout_(layout),
        fd_(open_files.table.get()),
        packer_(files, layout, fd_),
        plain_(files, places_of(layout), std::move(open_files)),
        ready_(std::move(ready)) {}

  [[nodiscard]] Result<PlainSegment::Left> resume() {
    auto left = plain_.resume();
    if (!left) return left;
    // A dying process can have left the last links undone.
    if (auto done = complete_directories(files_, fd_, layout_, left->frames); !done) {
      return std::unexpected(done.error());
    }
    link_to_first(0);
    if (layout_.codec == Codec::kNone) return left;
    const auto last = read_strip(files_, fd_, layout_, left->frames - 1);
    if (!last) return std::unexpected(last.error());
    packer_.go_on_behind(*last);
    return left;
  }
  Result<void> activate(const path& part) override { return files_.rename(ready_, part); }

  Result<void> append(std::span<const FrameRecord> records, std::span<const std::byte> pixels,
                      std::span<const double> detectors) override {
    if (layout_.codec != Codec::kNone) {
      return fail(ErrorCode::kInvalid, "this TIFF takes packed frames");
    }
    const std::int64_t first = plain_.frames();
    if (auto written = plain_.append(records, pixels, detectors); !written) return written;
    link(first, plain_.frames());
    return {};
  }

  Result<void> append_packed(std::span<const FrameRecord> records,
                             std::span<const PackedFrame> frames,
                             std::span<const double> detectors) override {
    if (layout_.codec == Codec::kNone) {
      return fail(ErrorCode::kInvalid, "this TIFF takes frames that are not packed");
    }
    const std::int64_t first = plain_.frames();
    if (std::cmp_greater(records.size(), capacity_frames() - first)) {
      return fail(ErrorCode::kNoSpace, "segment is full");
    }
    const auto end = packer_.write(first, frames);
    if (!end) return std::unexpected(end.error());
    if (auto written = plain_.append(records, {}, detectors); !written) return written;
    packer_.go_on_at(*end);
    link_to_first(first);
    return {};
  }

  Result<void> sync() override { return plain_.sync(); }
  [[nodiscard]] std::int64_t frames() const noexcept override { return plain_.frames(); }
  [[nodiscard]] std::int64_t capacity_frames() const noexcept override {
    return layout_.block.capacity;
  }
  void close_pixels() noexcept override { plain_.close_pixels(); }

 private:
  /// Shows other programs the frames from `first` to `end`, whose directories are there and linked
  /// to each other: first the end, then the way to it. The frames count without it, and finishing
  /// sets every link: where it fails nothing is lost.
  void link(std::int64_t first, std::int64_t end) {
    put_link_at(link_to(end), 0);
    link_to_first(first);
  }
  void link_to_first(std::int64_t first) {
    put_link_at(link_to(first), layout_.directory_of(first));
  }
  /// Where the link to a frame's directory is: the header's to the first.
  [[nodiscard]] std::int64_t link_to(std::int64_t frame) const noexcept {
    return frame == 0 ? first_link(layout_.big()) : layout_.link_of(frame - 1);
  }
  void put_link_at(std::int64_t place, std::int64_t next) {
    std::array<std::byte, 8> bytes{};
    put_link(bytes, layout_.big(), next);
    const auto used = std::span<const std::byte>(bytes).first(
        static_cast<std::size_t>(link_bytes(layout_.big())));
    static_cast<void>(files_.write_at(fd_, used, place));
  }

  FileSystem& files_;
  Layout layout_;
  int fd_;  ///< Of `plain_`, which outlives its use.
  Packer packer_;
  PlainSegment plain_;
  path ready_;
};

/// All before the frames: header, block, what the tags of every frame refer to, the account.
Result<void> write_head(FileSystem& files, int fd, const Layout& layout, const std::string& account,
                        const SegmentDescription& description) {
  std::vector<std::byte> head(static_cast<std::size_t>(layout.block.first_directory));
  const auto put = [&](std::int64_t at, std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, head.begin() + at);
  };
  put_header(head, layout.big(), 0);  // To no directory, while there is no frame.
  put(kBlockAt, std::as_bytes(std::span(&layout.block, 1)));
  const std::string software =
      ("framelog " + description.program_version).substr(0, kMostSoftwareBytes - 1);
  put(kSoftwareAt, std::as_bytes(std::span(software)));
  put(kResolutionAt, std::as_bytes(std::span(&layout.block.x, 1)));
  put(kResolutionAt + std::int64_t{sizeof(Resolution)},
      std::as_bytes(std::span(&layout.block.y, 1)));
  put(layout.block.description, std::as_bytes(std::span(account)));
  if (auto written = files.write_at(fd, head, 0); !written) return written;
  // Those of packed frames are written with them.
  return layout.codec == Codec::kNone ? write_directories(files, fd, layout) : Result<void>{};
}

/// With direct I/O only where it can be tried at a place without a frame.
Result<SegmentFiles> open_files_of(FileSystem& files, const path& file, const Layout& layout,
                                   bool direct_io, std::int64_t frames, UniqueFd table) {
  const bool fits = layout.codec == Codec::kNone && frames >= 0 && frames < layout.block.capacity &&
                    is_direct_io_fit(layout.block.pixels, layout.frame_bytes());
  auto pixels = open_for_pixels(files, file, direct_io && fits,
                                fits ? plain_strip(layout, frames).offset : 0);
  if (!pixels) return std::unexpected(pixels.error());
  SegmentFiles open_files;
  open_files.one_file = true;
  open_files.table = std::move(table);
  open_files.pixels = std::move(pixels->fd);
  open_files.direct = pixels->direct;
  return open_files;
}

Result<SegmentFiles> create(FileSystem& files, const path& fresh, const Layout& layout,
                            const std::string& account, const SegmentDescription& description) {
  auto table = files.open(fresh, O_RDWR | O_CREAT | O_EXCL);
  if (!table) return std::unexpected(table.error());
  if (auto locked = files.lock(table->get()); !locked) return std::unexpected(locked.error());
  if (auto done = files.reserve(table->get(), layout.block.file_bytes, 0); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = write_head(files, table->get(), layout, account, description); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = files.sync(table->get()); !done) return std::unexpected(done.error());
  return open_files_of(files, fresh, layout, description.direct_io, 0, std::move(*table));
}

Result<std::unique_ptr<SegmentWriter>> prepare(FileSystem& files, const path& stem, Kind kind,
                                               const SegmentDescription& description) {
  const std::string account = start_account(description);
  const auto layout = make_layout(kind, description, static_cast<std::int64_t>(account.size()));
  if (!layout) return std::unexpected(layout.error());
  const path name = stem.string() + std::string(extension_of(kind));
  const path fresh = name.string() + ".new";
  const path ready = name.string() + ".ready";
  auto made = create(files, fresh, *layout, account, description);
  if (made) {
    if (auto moved = files.rename(fresh, ready); !moved) made = std::unexpected(moved.error());
  }
  if (!made) {
    // It holds no frame: what is half made goes, so that a full disk gets its space back.
    if (made.error().code != ErrorCode::kExists) static_cast<void>(files.remove(fresh));
    return std::unexpected(made.error());
  }
  return std::make_unique<TiffSegment>(files, *layout, std::move(*made), ready);
}

}  // namespace

Result<std::unique_ptr<SegmentWriter>> prepare_ome_tiff(FileSystem& files, const path& stem,
                                                        const SegmentDescription& description) {
  return prepare(files, stem, Kind::kOme, description);
}

Result<std::unique_ptr<SegmentWriter>> prepare_imagej_tiff(FileSystem& files, const path& stem,
                                                           const SegmentDescription& description) {
  return prepare(files, stem, Kind::kImageJ, description);
}

Result<ResumedSegment> resume_tiff(FileSystem& files, const path& part,
                                   const SegmentDescription& description) {
  auto table = files.open(part, O_RDWR);
  if (!table) return std::unexpected(table.error());
  if (auto locked = files.lock(table->get()); !locked) return std::unexpected(locked.error());
  const auto layout = read_layout(files, table->get(), part);
  if (!layout) return std::unexpected(layout.error());
  if (layout->block.finishing != 0) {
    return fail(ErrorCode::kInvalid, "its finishing had begun:", part.string());
  }
  if (layout->shape != description.shape || layout->codec != description.compression.codec ||
      layout->block.capacity != description.capacity_frames) {
    return fail(ErrorCode::kLayout, "it was prepared for other frames:", part.string());
  }
  auto open_files = open_files_of(files, part, *layout, description.direct_io, layout->block.valid,
                                  std::move(*table));
  if (!open_files) return std::unexpected(open_files.error());
  auto segment = std::make_unique<TiffSegment>(files, *layout, std::move(*open_files), part);
  const auto left = segment->resume();
  if (!left) return std::unexpected(left.error());
  return ResumedSegment{std::move(segment), left->first, left->last};
}

bool is_tiff_type(PixelType type) noexcept { return type != PixelType::kUint64; }

}  // namespace framelog
