#include "formats/hdf5_packed_segment.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <limits>
#include <string>
#include <utility>

#include "formats/chunk_index.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_packed_head.hpp"
#include "formats/hdf5_packed_writer.hpp"
#include "formats/hdf5_segment.hpp"
#include "formats/hdf5_sparse_image.hpp"

namespace framelog {
namespace {

using namespace hdf5;
using std::filesystem::path;

constexpr std::int64_t kBlockBytes = 4096;

Handle create_file(SparseImage& image) {
  set_up_library();
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  // A table is allocated behind everything, and not in what is left of a block.
  H5Pset_small_data_block_size(access.get(), 0);
  return image.create(H5P_DEFAULT, access);
}

/// Makes HDF5 allocate the index of chunks, by a chunk that is taken out of it again.
void allocate_index(Tree& tree, const SegmentDescription& description) {
  if (!tree.good()) return;
  const std::array<hsize_t, 3> first{};
  const std::byte nothing{};
  const Handle set(H5Dopen2(tree.file(), kData.c_str(), H5P_DEFAULT));
  tree.check(set.valid() && H5Dwrite_chunk(set.get(), H5P_DEFAULT,
                                           unpacked_mask(description.compression.codec),
                                           first.data(), sizeof nothing, &nothing) >= 0,
             "cannot write", kData);
}

/// Makes HDF5 allocate a table: all of it with its first row.
void allocate_table(Tree& tree, const std::string& table) {
  if (!tree.good()) return;
  const Handle set(H5Dopen2(tree.file(), table.c_str(), H5P_DEFAULT));
  const Handle type(set.valid() ? H5Dget_type(set.get()) : -1);
  const Handle space(set.valid() ? H5Dget_space(set.get()) : -1);
  tree.check(type.valid() && space.valid(), "cannot open", table);
  if (!tree.good()) return;
  const hsize_t start = 0;
  const hsize_t count = 1;
  const Handle memory(H5Screate_simple(1, &count, nullptr));
  H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &start, nullptr, &count, nullptr);
  const std::vector<std::byte> row(H5Tget_size(type.get()));
  tree.check(
      H5Dwrite(set.get(), type.get(), memory.get(), space.get(), H5P_DEFAULT, row.data()) >= 0,
      "cannot write", table);
}

Result<void> create_skeleton(FileSystem& files, const path& file,
                             const SegmentDescription& description) {
  SparseImage image;
  Tree tree(create_file(image));
  tree.check(tree.file() >= 0, "cannot create", file.string());
  if (tree.good()) write_description(tree, description, {});
  // The description first: nothing of it may lie behind what follows. HDF5 finds the places of some
  // of it when it writes it.
  if (tree.good()) {
    tree.check(H5Fflush(tree.file(), H5F_SCOPE_LOCAL) >= 0, "cannot write", file.string());
  }
  allocate_index(tree, description);
  allocate_table(tree, kFrameTable);
  allocate_table(tree, kTime);
  for (const DetectorDescription& detector : description.detectors) {
    allocate_table(tree, detector_path(detector.name));
  }
  tree.close();
  if (!tree.good()) return hdf5::failure(tree.error());
  return write_image(files, file, image);
}

ChunkIndexHead index_head(const PackedHead& head, std::int64_t capacity_bytes) {
  ChunkIndexHead index;
  index.detectors = static_cast<std::uint32_t>(head.tables.detectors.size());
  index.codec = static_cast<std::uint32_t>(head.compression.codec);
  index.level = head.compression.level;
  index.height_px = head.shape.height_px;
  index.width_px = head.shape.width_px;
  index.pixel_type = static_cast<std::uint32_t>(head.shape.type);
  index.image_bytes = static_cast<std::int64_t>(head.image.size());
  index.capacity_frames = head.tables.capacity_frames;
  index.pixels_begin = (head.end + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  index.pixels_end = index.pixels_begin + capacity_bytes;
  return index;
}

class PackedHdf5Segment final : public SegmentWriter {
 public:
  PackedHdf5Segment(FileSystem& files, const PackedHead& head, UniqueFd file, ChunkIndex index,
                    path ready)
      : files_(files),
        packed_(files, head, std::move(file), std::move(index)),
        ready_(std::move(ready)) {}

  [[nodiscard]] Result<std::pair<FrameRecord, FrameRecord>> resume() { return packed_.resume(); }

  Result<void> activate(const path& part) override {
    for (const path& name : {part, chunk_index_path(part)}) {
      if (files_.exists(name)) return fail_errno(EEXIST, "cannot rename to", name.string());
    }
    if (auto moved = files_.rename(ready_, part); !moved) return moved;
    auto moved = files_.rename(chunk_index_path(ready_), chunk_index_path(part));
    // Nobody must find half a segment at its new place.
    if (!moved) static_cast<void>(files_.rename(part, ready_));
    return moved;
  }
  Result<void> append(std::span<const FrameRecord> /*records*/,
                      std::span<const std::byte> /*pixels*/,
                      std::span<const double> /*detectors*/) override {
    return fail(ErrorCode::kUnsupported, "this segment takes packed frames only");
  }
  Result<void> append_packed(std::span<const FrameRecord> records,
                             std::span<const PackedFrame> frames,
                             std::span<const double> detectors) override {
    return packed_.append(records, frames, detectors);
  }
  Result<void> sync() override { return packed_.sync(); }
  [[nodiscard]] std::int64_t frames() const noexcept override { return packed_.frames(); }
  [[nodiscard]] std::int64_t capacity_frames() const noexcept override {
    return packed_.capacity_frames();
  }
  [[nodiscard]] std::int64_t free_bytes() const noexcept override { return packed_.free_bytes(); }
  // The file has the lock, and the index is small.
  void close_pixels() noexcept override {}

 private:
  FileSystem& files_;
  PackedSegment packed_;
  path ready_;
};

/// Before any of it is taken: others need the last of a full disk.
Result<void> check_space(FileSystem& files, const path& fresh, const SegmentDescription& d) {
  const auto space = files.space(fresh.parent_path());
  if (!space) return std::unexpected(space.error());
  constexpr std::int64_t kHeads = 2 * (std::int64_t{1} << 20U);
  const auto sums =
      static_cast<std::int64_t>(1 + d.detectors.size()) * std::int64_t{sizeof(double)};
  const std::int64_t row_bytes = std::int64_t{kFrameRecordBytes} + 2 * sums +
                                 std::int64_t{sizeof(ChunkRow)} + 2 * std::int64_t{sizeof(double)};
  const std::int64_t wanted =
      d.capacity_bytes + d.capacity_frames * row_bytes + finalise_bytes(d) + kHeads;
  if (space->free_bytes < wanted) return fail_errno(ENOSPC, "cannot reserve space");
  return {};
}

Result<void> check(const SegmentDescription& d) {
  const std::size_t frame_bytes = size_bytes(d.shape);
  // HDF5's chunks are smaller than 4 GiB.
  if (frame_bytes > std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorCode::kUnsupported, "frames of 4 GiB and more cannot be compressed");
  }
  if (d.capacity_frames < 1 || std::cmp_less(d.capacity_bytes, frame_bytes)) {
    return fail(ErrorCode::kInvalid, "a segment has to have room for a frame");
  }
  return {};
}

/// That something is missing in the image must not be found out when it is needed.
Result<void> check_image(const PackedHead& head) {
  const auto image = open_image(head.image);
  if (!image) return std::unexpected(image.error());
  if (auto tree = describe_tree(image->get()); !tree) return std::unexpected(tree.error());
  return {};
}

Result<std::unique_ptr<SegmentWriter>> prepare(FileSystem& files, const path& fresh,
                                               const path& ready, const SegmentDescription& d) {
  if (auto good = check(d); !good) return std::unexpected(good.error());
  if (auto room = check_space(files, fresh, d); !room) return std::unexpected(room.error());
  if (auto made = create_skeleton(files, fresh, d); !made) return std::unexpected(made.error());
  const auto head = read_packed_head(files, fresh);
  if (!head) return std::unexpected(head.error());
  if (auto whole = check_image(*head); !whole) return std::unexpected(whole.error());
  const ChunkIndexHead facts = index_head(*head, d.capacity_bytes);
  auto file = files.open(fresh, O_RDWR);
  if (!file) return std::unexpected(file.error());
  auto done = files.lock(file->get());
  if (done) done = files.reserve(file->get(), facts.pixels_end, finalise_bytes(d));
  if (done) done = lay_down(files, file->get(), *head, facts.pixels_end);
  if (done) done = files.sync(file->get());
  if (!done) return std::unexpected(done.error());
  auto index = ChunkIndex::create(files, chunk_index_path(fresh), facts, head->image);
  if (!index) return std::unexpected(index.error());
  done = index->sync();
  // The HDF5 file last: one that is ready has its index.
  if (done) done = files.rename(chunk_index_path(fresh), chunk_index_path(ready));
  if (done) done = files.rename(fresh, ready);
  if (!done) return std::unexpected(done.error());
  return std::make_unique<PackedHdf5Segment>(files, *head, std::move(*file), std::move(*index),
                                             ready);
}

}  // namespace

Result<std::unique_ptr<SegmentWriter>> prepare_packed_hdf5(FileSystem& files, const path& stem,
                                                           const SegmentDescription& description) {
  const path fresh = stem.string() + ".h5.new";
  const path ready = stem.string() + ".h5.ready";
  auto writer = prepare(files, fresh, ready, description);
  if (!writer) {
    // It holds no frame: what is half made goes, so that a full disk gets its space back.
    for (const path& file : {fresh, chunk_index_path(fresh), chunk_index_path(ready)}) {
      static_cast<void>(files.remove(file));
    }
  }
  return writer;
}

Result<ResumedSegment> resume_packed_hdf5(FileSystem& files, const path& part,
                                          const SegmentDescription& description) {
  auto file = files.open(part, O_RDWR);
  if (!file) return std::unexpected(file.error());
  if (auto locked = files.lock(file->get()); !locked) return std::unexpected(locked.error());
  auto index = ChunkIndex::open(files, chunk_index_path(part), O_RDWR);
  if (!index) return std::unexpected(index.error());
  auto image = index->image();
  if (!image) return std::unexpected(image.error());
  const auto size = files.size_bytes(file->get());
  if (!size) return std::unexpected(size.error());
  if (*size != index->head().pixels_end) {
    return fail(ErrorCode::kInvalid, "its finishing had begun:", part.string());
  }
  const auto head = packed_head_of(std::move(*image));
  if (!head) return std::unexpected(head.error());
  if (head->shape != description.shape || head->compression != description.compression ||
      head->tables.capacity_frames != description.capacity_frames ||
      head->tables.detectors.size() != description.detectors.size() ||
      index->head().pixels_end - index->head().pixels_begin != description.capacity_bytes) {
    return fail(ErrorCode::kLayout, "it was prepared for other frames:", part.string());
  }
  if (auto done = lay_down(files, file->get(), *head, *size); !done) {
    return std::unexpected(done.error());
  }
  auto segment =
      std::make_unique<PackedHdf5Segment>(files, *head, std::move(*file), std::move(*index), part);
  const auto edges = segment->resume();
  if (!edges) return std::unexpected(edges.error());
  return ResumedSegment{std::move(segment), edges->first, edges->second};
}

}  // namespace framelog
