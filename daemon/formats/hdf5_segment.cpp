#include "formats/hdf5_segment.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "formats/direct_io.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_packed_segment.hpp"
#include "formats/hdf5_sparse_image.hpp"
#include "formats/plain_segment.hpp"
#include "formats/undo.hpp"

namespace framelog {
namespace {

using namespace hdf5;

/// What finalising adds per frame: start time, exposure, sequence number and six statistics.
constexpr std::int64_t kColumnBytes = 80;
constexpr std::int64_t kFinaliseBytes = 512 << 10;
constexpr std::int64_t kThumbnailBytes = 128 << 10;

Handle create_file(SparseImage& image, const Paging& paging) {
  const auto page = static_cast<hsize_t>(paging.page_bytes);
  set_up_library();
  const Handle creation(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_file_space_strategy(creation.get(), H5F_FSPACE_STRATEGY_PAGE, false, 1);
  H5Pset_file_space_page_size(creation.get(), page);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_alignment(access.get(), page, 4096);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  return image.create(creation.get(), access);
}

Result<std::int64_t> contiguous_address(hid_t file, const std::string& path) {
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const haddr_t address = set.valid() ? H5Dget_offset(set.get()) : HADDR_UNDEF;
  if (address == HADDR_UNDEF) return fail(ErrorCode::kUnsupported, "no address of", path);
  return static_cast<std::int64_t>(address);
}

struct ChunkRow {
  std::int64_t first{};   ///< Address of the first chunk.
  std::int64_t stride{};  ///< From one chunk to the next.
  std::int64_t rows{};    ///< Frames per chunk.
  std::int64_t end{};     ///< Behind the last chunk.
};

/// Where the chunks of a dataset lie, from the first, second and last. Asking for all is quadratic
/// in HDF5 1.10.
Result<ChunkRow> chunk_row(hid_t file, const std::string& path, std::int64_t row_bytes) {
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle properties(set.valid() ? H5Dget_create_plist(set.get()) : -1);
  std::array<hsize_t, 3> chunk{};
  const int rank = properties.valid() ? H5Pget_chunk(properties.get(), 3, chunk.data()) : -1;
  const auto sizes = dimensions(file, path);
  if (rank < 1 || sizes.empty()) return fail(ErrorCode::kCorrupt, "no chunks in", path);
  const hsize_t chunks = (sizes[0] + chunk[0] - 1) / chunk[0];
  const auto first = chunk_address(set.get(), 0, rank);
  if (!first) return std::unexpected(first.error());
  ChunkRow row{*first, static_cast<std::int64_t>(chunk[0]) * row_bytes,
               static_cast<std::int64_t>(chunk[0]), 0};
  const std::int64_t chunk_bytes = row.stride;
  if (chunks > 1) {
    const auto second = chunk_address(set.get(), chunk[0], rank);
    const auto last = chunk_address(set.get(), (chunks - 1) * chunk[0], rank);
    if (!second || !last) return std::unexpected(second ? last.error() : second.error());
    row.stride = *second - *first;
    if (row.stride < chunk_bytes ||
        *last != *first + static_cast<std::int64_t>(chunks - 1) * row.stride) {
      return fail(ErrorCode::kUnsupported, "HDF5 laid the chunks out of sequence:", path);
    }
  }
  row.end = row.first + static_cast<std::int64_t>(chunks - 1) * row.stride + chunk_bytes;
  return row;
}

/// Where the columns of the detectors lie; they touch, as the other tables do.
Result<std::vector<std::int64_t>> find_columns(hid_t file,
                                               const std::vector<DetectorDescription>& detectors,
                                               std::int64_t pixels) {
  std::vector<std::int64_t> places;
  for (const DetectorDescription& detector : detectors) {
    const std::string path = detector_path(detector.name);
    const auto row = chunk_row(file, path, sizeof(double));
    if (!row) return std::unexpected(row.error());
    if (row->stride != row->rows * std::int64_t{sizeof(double)} || row->end > pixels) {
      return fail(ErrorCode::kUnsupported, "HDF5 laid a column out otherwise than expected:", path);
    }
    places.push_back(row->first);
  }
  return places;
}

Result<SegmentPlaces> find_places(hid_t file, const SegmentDescription& description) {
  const auto frame_bytes = static_cast<std::int64_t>(size_bytes(description.shape));
  const auto pixels = chunk_row(file, kData, frame_bytes);
  const auto records = chunk_row(file, kFrameTable, kFrameRecordBytes);
  const auto time = chunk_row(file, kTime, sizeof(double));
  const auto valid = contiguous_address(file, kValid);
  const auto synced = contiguous_address(file, kSynced);
  if (!pixels) return std::unexpected(pixels.error());
  if (!records) return std::unexpected(records.error());
  if (!time) return std::unexpected(time.error());
  if (!valid) return std::unexpected(valid.error());
  if (!synced) return std::unexpected(synced.error());
  // One plain write covers many records: their chunks must touch, and all must lie before the
  // pixels.
  const bool tables_touch = records->stride == records->rows * std::int64_t{kFrameRecordBytes} &&
                            time->stride == time->rows * std::int64_t{sizeof(double)};
  if (!tables_touch || std::max({records->end, time->end, *valid, *synced}) > pixels->first) {
    return fail(ErrorCode::kUnsupported, "HDF5 laid the tables out in another order than expected");
  }
  auto columns = find_columns(file, description.detectors, pixels->first);
  if (!columns) return std::unexpected(columns.error());
  SegmentPlaces places;
  places.detectors = std::move(*columns);
  places.pixels = pixels->first;
  places.frame_bytes = frame_bytes;
  places.frames_per_run = pixels->rows;
  places.run_stride = pixels->stride;
  places.capacity_frames = description.capacity_frames;
  places.records = records->first;
  places.time = time->first;
  places.valid = *valid;
  places.synced = *synced;
  places.run_start_monotonic_ns = description.run_start_monotonic_ns;
  return places;
}

Result<SegmentPlaces> places_in(const std::filesystem::path& path,
                                const SegmentDescription& description) {
  auto file = open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  return find_places(file->get(), description);
}

Result<SegmentPlaces> create_skeleton(FileSystem& files, const std::filesystem::path& path,
                                      const SegmentDescription& description) {
  const Paging paging = paging_of(static_cast<std::int64_t>(size_bytes(description.shape)),
                                  description.capacity_frames);
  SparseImage image;
  Tree tree(create_file(image, paging));
  tree.check(tree.file() >= 0, "cannot create", path.string());
  if (tree.good()) write_description(tree, description, paging);
  // The addresses are read from the file as it was closed, not from what the library still holds in
  // memory.
  tree.close();
  if (!tree.good()) return hdf5::failure(tree.error());
  if (auto written = write_image(files, path, image); !written) {
    return std::unexpected(written.error());
  }
  return places_in(path, description);
}

class Hdf5Segment final : public SegmentWriter {
 public:
  Hdf5Segment(FileSystem& files, const SegmentPlaces& places, SegmentFiles open_files,
              std::filesystem::path ready)
      : files_(files), plain_(files, places, std::move(open_files)), ready_(std::move(ready)) {}

  [[nodiscard]] Result<PlainSegment::Left> resume() { return plain_.resume(); }
  Result<void> activate(const std::filesystem::path& part) override {
    if (auto moved = files_.rename(ready_, part); !moved) return moved;
    part_ = part;
    // Without the reserve finalising still works while the disk has room.
    static_cast<void>(files_.rename(undo_reserve_path(ready_), undo_reserve_path(part)));
    return {};
  }
  Result<void> append(std::span<const FrameRecord> records, std::span<const std::byte> pixels,
                      std::span<const double> detectors) override {
    return plain_.append(records, pixels, detectors);
  }
  Result<void> sync() override { return plain_.sync(); }
  [[nodiscard]] std::int64_t frames() const noexcept override { return plain_.frames(); }
  [[nodiscard]] std::int64_t capacity_frames() const noexcept override {
    return plain_.places().capacity_frames;
  }
  void close_pixels() noexcept override { plain_.close_pixels(); }

 private:
  FileSystem& files_;
  PlainSegment plain_;
  std::filesystem::path ready_;
  std::filesystem::path part_;
};

/// Reserves the space of the file, of what finalising adds, and of the undo; syncs the head.
Result<SegmentFiles> reserve(FileSystem& files, const std::filesystem::path& path,
                             const SegmentPlaces& places, const SegmentDescription& description) {
  auto table = files.open(path, O_RDWR);
  if (!table) return std::unexpected(table.error());
  if (auto locked = files.lock(table->get()); !locked) return std::unexpected(locked.error());
  const auto size = files.size_bytes(table->get());
  if (!size) return std::unexpected(size.error());
  if (auto done = files.reserve(table->get(), *size, finalise_bytes(description)); !done)
    return std::unexpected(done.error());
  if (auto done = files.sync(table->get()); !done) return std::unexpected(done.error());
  auto undo = files.open(undo_reserve_path(path), O_WRONLY | O_CREAT | O_TRUNC);
  if (!undo) return std::unexpected(undo.error());
  if (auto done = files.reserve(undo->get(), places.pixels + 4096, 0); !done) {
    return std::unexpected(done.error());
  }
  SegmentFiles open_files;
  open_files.one_file = true;
  open_files.table = std::move(*table);
  const bool fits =
      is_direct_io_fit(places.pixels, places.frame_bytes) && places.run_stride % 4096 == 0;
  auto pixels = open_for_pixels(files, path, description.direct_io && fits, places.pixels);
  if (!pixels) return std::unexpected(pixels.error());
  open_files.pixels = std::move(pixels->fd);
  open_files.direct = pixels->direct;
  return open_files;
}

/// Before any of it is taken: others need the last of a full disk.
Result<void> check_space(FileSystem& files, const std::filesystem::path& path,
                         const SegmentDescription& description) {
  const auto space = files.space(path.parent_path());
  if (!space) return std::unexpected(space.error());
  const auto columns = static_cast<std::int64_t>(1 + description.detectors.size());
  const std::int64_t row_bytes =
      std::int64_t{kFrameRecordBytes} + columns * std::int64_t{sizeof(double)};
  const std::int64_t wanted =
      description.capacity_frames *
          (static_cast<std::int64_t>(size_bytes(description.shape)) + row_bytes) +
      finalise_bytes(description);
  if (space->free_bytes < wanted) return fail_errno(ENOSPC, "cannot reserve space");
  return {};
}

Result<std::unique_ptr<SegmentWriter>> prepare(FileSystem& files,
                                               const std::filesystem::path& fresh,
                                               const std::filesystem::path& ready,
                                               const SegmentDescription& description) {
  if (auto room = check_space(files, fresh, description); !room)
    return std::unexpected(room.error());
  const auto places = create_skeleton(files, fresh, description);
  if (!places) return std::unexpected(places.error());
  auto open_files = reserve(files, fresh, *places, description);
  if (!open_files) return std::unexpected(open_files.error());
  if (auto moved = files.rename(fresh, ready); !moved) return std::unexpected(moved.error());
  return std::make_unique<Hdf5Segment>(files, *places, std::move(*open_files), ready);
}

/// The descriptors of a segment that a dead process recorded; nothing is written where its frames
/// are.
Result<SegmentFiles> open_again(FileSystem& files, const std::filesystem::path& part,
                                const SegmentPlaces& places, bool direct_io, UniqueFd table) {
  std::int64_t valid = 0;
  const auto got =
      files.read_at(table.get(), std::as_writable_bytes(std::span(&valid, 1)), places.valid);
  if (!got) return std::unexpected(got.error());
  const bool fits = valid >= 0 && valid < places.capacity_frames && places.run_stride % 4096 == 0 &&
                    is_direct_io_fit(places.pixels, places.frame_bytes);
  auto pixels =
      open_for_pixels(files, part, direct_io && fits, fits ? offset_of_frame(places, valid) : 0);
  if (!pixels) return std::unexpected(pixels.error());
  SegmentFiles open_files;
  open_files.one_file = true;
  open_files.table = std::move(table);
  open_files.pixels = std::move(pixels->fd);
  open_files.direct = pixels->direct;
  return open_files;
}

std::filesystem::path without_last_suffix(const std::filesystem::path& path) {
  return path.parent_path() / path.stem();
}

}  // namespace

std::int64_t finalise_bytes(const SegmentDescription& description) {
  std::int64_t bytes = kFinaliseBytes + 2 * kThumbnailBytes;
  if (description.scan) {
    const auto images = static_cast<std::int64_t>(description.detectors.size()) + 1;
    const auto frames = static_cast<std::uint64_t>(description.capacity_frames);
    const auto points = most_scans(*description.scan, frames) * description.scan->points();
    bytes += images * static_cast<std::int64_t>(points * sizeof(double));
  }
  return bytes + description.capacity_frames * kColumnBytes;
}

std::filesystem::path undo_path(const std::filesystem::path& part) {
  return without_last_suffix(part).string() + ".undo";
}

std::filesystem::path undo_reserve_path(const std::filesystem::path& part) {
  return part.parent_path() / ("." + part.stem().string() + ".undo-space");
}

Result<ResumedSegment> resume_hdf5(FileSystem& files, const std::filesystem::path& part,
                                   const SegmentDescription& description) {
  if (description.compression.codec != Codec::kNone) {
    return resume_packed_hdf5(files, part, description);
  }
  auto table = files.open(part, O_RDWR);
  if (!table) return std::unexpected(table.error());
  if (auto locked = files.lock(table->get()); !locked) return std::unexpected(locked.error());
  if (files.exists(undo_path(part))) {
    return fail(ErrorCode::kInvalid, "its finishing had begun:", part.string());
  }
  const auto places = places_in(part, description);
  if (!places) return std::unexpected(places.error());
  auto open_files = open_again(files, part, *places, description.direct_io, std::move(*table));
  if (!open_files) return std::unexpected(open_files.error());
  auto segment = std::make_unique<Hdf5Segment>(files, *places, std::move(*open_files), part);
  const auto left = segment->resume();
  if (!left) return std::unexpected(left.error());
  return ResumedSegment{std::move(segment), left->first, left->last};
}

Result<std::unique_ptr<SegmentWriter>> prepare_hdf5(FileSystem& files,
                                                    const std::filesystem::path& stem,
                                                    const SegmentDescription& description) {
  if (description.compression.codec != Codec::kNone) {
    return prepare_packed_hdf5(files, stem, description);
  }
  const std::filesystem::path fresh = stem.string() + ".h5.new";
  const std::filesystem::path ready = stem.string() + ".h5.ready";
  auto writer = prepare(files, fresh, ready, description);
  if (!writer) {
    // It holds no frame: what is half made goes, so that a full disk gets its space back.
    static_cast<void>(files.remove(undo_reserve_path(fresh)));
    static_cast<void>(files.remove(fresh));
  }
  return writer;
}

}  // namespace framelog
