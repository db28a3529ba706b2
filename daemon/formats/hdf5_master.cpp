#include "formats/hdf5_master.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include "core/scan.hpp"
#include "core/version.hpp"
#include "formats/hdf5_dataset.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_segment.hpp"
#include "formats/hdf5_sparse_image.hpp"

// Virtual datasets:
// https://docs.hdfgroup.org/hdf5/rfc/HDF5-VDS-requirements-use-cases-2014-12-10.pdf
namespace framelog {
namespace {

using namespace hdf5;
using std::filesystem::path;

constexpr const char* kRunMarker = "framelog_master_run";
constexpr const char* kProductMarker = "framelog_master_product";
constexpr const char* kFingerprint = "framelog_master_fingerprint";
const std::string kMasterData = "/entry/data";
const std::string kMasterFrames = "/entry/frames";
const std::string kSequenceColumn = kDetector + "/sequence_number";

/// One segment as a source of the virtual datasets.
struct Source {
  path file;
  std::string name;       ///< Relative to the master.
  std::uint64_t first{};  ///< Its first frame in the whole.
  std::uint64_t frames{};
};

/// All segments together.
struct Whole {
  FrameShape shape;
  std::vector<Source> sources;
  std::uint64_t frames{};
  std::optional<Scan> scan;
  std::uint64_t first_number{}, last_number{};  ///< The hardware's, of the first and last frame.
  bool is_merged{};                             ///< Some frames are sums of several.
};

void add_segment(const MasterSegment& segment, const path& place, Whole& whole) {
  if (whole.sources.empty()) {
    whole.shape = segment.shape;
    whole.scan = segment.scan;
    whole.first_number = segment.first_number;
  }
  if (segment.shape != whole.shape) return;
  if (segment.scan != whole.scan) whole.scan.reset();
  whole.is_merged = whole.is_merged || segment.is_merged;
  whole.last_number = segment.last_number;
  const auto frames = static_cast<std::uint64_t>(segment.frames);
  whole.sources.push_back(
      {segment.file, segment.file.lexically_relative(place).string(), whole.frames, frames});
  whole.frames += frames;
}

/// Scans that the frames are all points of; 0 where a point is missing or there is no scan. Numbers
/// only grow, so as many frames as points from the first to the last means each of them once.
std::uint64_t complete_scans(const Whole& whole) {
  if (!whole.scan || whole.is_merged) return 0;
  const auto first = point_of(*whole.scan, whole.first_number);
  const auto last = point_of(*whole.scan, whole.last_number);
  if (!first || !last || first->row != 0 || first->column != 0) return 0;
  if (last->row + 1 != whole.scan->rows || last->column + 1 != whole.scan->columns) return 0;
  const std::uint64_t scans = last->scan - first->scan + 1;
  return scans * whole.scan->points() == whole.frames ? scans : 0;
}

/// Frames `from` to `to` as a block of the points of scans: whole scans, whole lines, or a piece of
/// a line, whichever begins there and still fits.
struct Block {
  std::array<hsize_t, 3> start{};  ///< scan, row, column
  std::array<hsize_t, 3> count{};
  std::uint64_t frames{};
};

Block next_block(const Scan& scan, std::uint64_t from, std::uint64_t to) {
  const std::uint64_t columns = scan.columns;
  const std::uint64_t points = scan.points();
  Block block;
  block.start = {from / points, from % points / columns, from % columns};
  const std::uint64_t there = to - from;
  if (from % points == 0 && there >= points) {
    block.count = {there / points, scan.rows, columns};
  } else if (from % columns == 0 && there >= columns) {
    block.count = {1, std::min<std::uint64_t>(there / columns, scan.rows - block.start[1]),
                   columns};
  } else {
    block.count = {1, 1, std::min(there, columns - from % columns)};
  }
  block.frames = block.count[0] * block.count[1] * block.count[2];
  return block;
}

Handle space_of(std::span<const hsize_t> sizes) {
  return Handle(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr));
}

void select(const Handle& space, std::span<const hsize_t> start, std::span<const hsize_t> count) {
  H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
}

/// Collects the mappings of one virtual dataset, and creates it.
class VirtualDataset {
 public:
  VirtualDataset(Tree& tree, std::string dataset_path, std::vector<hsize_t> sizes)
      : tree_(tree),
        path_(std::move(dataset_path)),
        sizes_(std::move(sizes)),
        space_(space_of(sizes_)),
        properties_(H5Pcreate(H5P_DATASET_CREATE)) {}

  /// `start` and `count` are in the virtual dataset; the source gives `rows` from `first` on of a
  /// dataset with these sizes.
  void map(const Source& source, const std::string& dataset, std::span<const hsize_t> source_sizes,
           hsize_t first, hsize_t rows, std::span<const hsize_t> start,
           std::span<const hsize_t> count) {
    const Handle from = space_of(source_sizes);
    std::vector<hsize_t> source_start(source_sizes.size(), 0);
    std::vector<hsize_t> source_count(source_sizes.begin(), source_sizes.end());
    source_start[0] = first;
    source_count[0] = rows;
    select(from, source_start, source_count);
    select(space_, start, count);
    tree_.check(H5Pset_virtual(properties_.get(), space_.get(), source.name.c_str(),
                               dataset.c_str(), from.get()) >= 0,
                "cannot map", path_);
  }

  void create(hid_t type) {
    H5Sselect_all(space_.get());
    tree_.dataset(path_, type, space_.get(), properties_.get(), nullptr);
  }

 private:
  Tree& tree_;
  std::string path_;
  std::vector<hsize_t> sizes_;
  Handle space_;
  Handle properties_;
};

void write_frames(Tree& tree, const Whole& whole) {
  VirtualDataset data(tree, kMasterData + "/data",
                      {whole.frames, whole.shape.height_px, whole.shape.width_px});
  for (const Source& source : whole.sources) {
    const std::array<hsize_t, 3> sizes{source.frames, whole.shape.height_px, whole.shape.width_px};
    const std::array<hsize_t, 3> start{source.first, 0, 0};
    data.map(source, kData, sizes, 0, source.frames, start, sizes);
  }
  data.create(type_of(whole.shape.type));
}

void write_scans(Tree& tree, const Whole& whole, std::uint64_t scans) {
  const Scan& scan = *whole.scan;
  const std::size_t skipped = scans == 1 ? 1 : 0;  // The dimension of a single scan.
  const auto with_pixels = [&](const std::array<hsize_t, 3>& points, hsize_t y, hsize_t x) {
    std::vector<hsize_t> all(points.begin() + static_cast<std::ptrdiff_t>(skipped), points.end());
    all.insert(all.end(), {y, x});
    return all;
  };
  const hsize_t height = whole.shape.height_px;
  const hsize_t width = whole.shape.width_px;
  VirtualDataset data(tree, kMasterData + "/data",
                      with_pixels({scans, scan.rows, scan.columns}, height, width));
  for (const Source& source : whole.sources) {
    const std::array<hsize_t, 3> sizes{source.frames, height, width};
    for (std::uint64_t done = 0; done < source.frames;) {
      const Block block = next_block(scan, source.first + done, source.first + source.frames);
      data.map(source, kData, sizes, done, block.frames, with_pixels(block.start, 0, 0),
               with_pixels(block.count, height, width));
      done += block.frames;
    }
  }
  data.create(type_of(whole.shape.type));
}

void write_column(Tree& tree, const Whole& whole, const std::string& name,
                  const std::string& dataset, hid_t type) {
  VirtualDataset column(tree, kMasterFrames + "/" + name, {whole.frames});
  for (const Source& source : whole.sources) {
    const std::array<hsize_t, 1> sizes{source.frames};
    const std::array<hsize_t, 1> start{source.first};
    column.map(source, dataset, sizes, 0, source.frames, start, sizes);
  }
  column.create(type);
}

/// Coordinates, and what the values are, from the first segment.
void copy_axes(Tree& tree, const Whole& whole) {
  const auto first = open_file(whole.sources.front().file.string(), H5F_ACC_RDONLY);
  if (!first) return tree.check(false, "cannot open", whole.sources.front().file.string());
  for (const char* axis : {"/y", "/x"}) {
    const std::string from = kDataGroup + axis;
    if (!has(first->get(), from)) continue;
    tree.check(H5Ocopy(first->get(), from.c_str(), tree.file(), (kMasterData + axis).c_str(),
                       H5P_DEFAULT, H5P_DEFAULT) >= 0,
               "cannot copy", from);
  }
  for (const char* name : {"units", "long_name"}) {
    if (const auto value = read_text_attribute(first->get(), kData, name)) {
      tree.attribute(kMasterData + "/data", name, std::string_view(*value));
    }
  }
  const auto start = read_text_attribute(first->get(), kTime, "start");
  tree.attribute(kMasterFrames + "/time", "units", std::string_view("s"));
  if (start) tree.attribute(kMasterFrames + "/time", "start", std::string_view(*start));
}

void write_group_attributes(Tree& tree, const Whole& whole, std::uint64_t scans) {
  std::vector<std::string> axes{"time", "y", "x"};
  if (scans > 0) axes = {"scan_y", "scan_x", "y", "x"};
  if (scans > 1) axes.insert(axes.begin(), "scan");
  tree.attribute("/", "default", std::string_view("entry"));
  tree.attribute("/entry", "default", std::string_view("data"));
  tree.attribute(kMasterData, "signal", std::string_view("data"));
  const auto count_up = [&](const std::string& name, std::uint64_t count) {
    std::vector<std::int64_t> numbers(count);
    for (std::uint64_t i = 0; i < count; ++i) numbers[i] = static_cast<std::int64_t>(i);
    tree.column(kMasterData + "/" + name, numbers);
  };
  if (scans == 0) tree.hard_link(kMasterFrames + "/time", kMasterData + "/time");
  if (scans > 0) count_up("scan_y", whole.scan->rows);
  if (scans > 0) count_up("scan_x", whole.scan->columns);
  if (scans > 1) count_up("scan", scans);
  tree.attribute(kMasterData, "axes", std::span<const std::string>(axes));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    tree.attribute(kMasterData, axes[i] + "_indices", static_cast<std::int64_t>(i));
  }
}

std::string write_whole(Handle created, const MasterPlan& plan, const Whole& whole,
                        std::uint64_t scans) {
  Tree tree(std::move(created));
  tree.attribute("/", "NX_class", std::string_view("NXroot"));
  tree.attribute("/", "creator", std::string_view("framelogd"));
  tree.attribute("/", "creator_version", program_version());
  tree.group("/entry", "NXentry");
  tree.group(kMasterData, "NXdata");
  tree.group(kMasterFrames, "NXcollection");
  tree.text("/entry/collection_identifier", plan.of.run_uuid);
  if (scans > 0) {
    write_scans(tree, whole, scans);
  } else {
    write_frames(tree, whole);
  }
  write_column(tree, whole, "time", kTime, H5T_IEEE_F64LE);
  write_column(tree, whole, "sequence_number", kSequenceColumn, H5T_STD_I64LE);
  copy_axes(tree, whole);
  write_group_attributes(tree, whole, scans);
  tree.attribute(kMasterFrames, kFingerprint, plan.fingerprint);
  // The marker comes last: half a file is nobody's master.
  tree.attribute("/", kProductMarker, plan.of.product);
  tree.attribute("/", kRunMarker, plan.of.run_uuid);
  tree.close();
  return tree.error();
}

Result<void> sync_file(FileSystem& files, const path& file) {
  const auto fd = files.open(file, O_RDWR);
  if (!fd) return std::unexpected(fd.error());
  return files.sync(fd->get());
}

}  // namespace

Result<MasterSegment> read_master_segment(FileSystem& files, const path& file) {
  const auto reader = open_hdf5(files, file);
  if (!reader) return std::unexpected(reader.error());
  const std::int64_t frames = (*reader)->frames();
  if (!(*reader)->finished() || frames == 0) {
    return fail(ErrorCode::kInvalid, "no finished segment with frames:", file.string());
  }
  const auto first = (*reader)->record(0);
  if (!first) return std::unexpected(first.error());
  const auto last = (*reader)->record(frames - 1);
  if (!last) return std::unexpected(last.error());
  return MasterSegment{.file = file,
                       .shape = (*reader)->shape(),
                       .frames = frames,
                       .scan = (*reader)->scan(),
                       .first_number = first->source_sequence,
                       .last_number = last->source_sequence,
                       .is_merged = first->accumulated > 1 || last->accumulated > 1};
}

Result<MasterSummary> write_master(FileSystem& files, const path& file, const MasterPlan& plan) {
  Whole whole;
  for (const MasterSegment& segment : plan.segments) add_segment(segment, plan.place, whole);
  if (whole.sources.empty()) {
    return fail(ErrorCode::kNotFound, "no finished segment for", file.string());
  }
  if (files.exists(file)) return fail_errno(EEXIST, "cannot create", file.string());
  // Before any of it is taken: others need the last of a full disk.
  constexpr std::int64_t kBytesPerMapping = 1024;
  constexpr std::int64_t kHeadBytes = std::int64_t{1} << 20U;
  const auto space = files.space(file.parent_path());
  if (!space) return std::unexpected(space.error());
  if (space->free_bytes < kHeadBytes + kBytesPerMapping * std::ssize(whole.sources)) {
    return fail(ErrorCode::kNoSpace, "no space for", file.string());
  }
  set_up_library();
  const std::uint64_t scans = complete_scans(whole);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  SparseImage image;
  if (const std::string error = write_whole(image.create(H5P_DEFAULT, access), plan, whole, scans);
      !error.empty()) {
    return fail(ErrorCode::kIo, "cannot make", file.string() + ": " + error);
  }
  if (auto written = write_image(files, file, image, O_EXCL); !written) {
    if (written.error().code != ErrorCode::kExists) static_cast<void>(files.remove(file));
    return fail_errno(written.error().system_errno, "cannot write", file.string());
  }
  if (auto synced = sync_file(files, file); !synced) return std::unexpected(synced.error());
  return MasterSummary{static_cast<std::int64_t>(whole.frames), std::ssize(whole.sources),
                       scans > 0};
}

Result<MasterIdentity> read_master(const path& file) {
  const auto opened = open_file(file.string(), H5F_ACC_RDONLY);
  if (!opened) return std::unexpected(opened.error());
  auto run = read_text_attribute(opened->get(), "/", kRunMarker);
  auto product = read_text_attribute(opened->get(), "/", kProductMarker);
  if (!run || !product) return fail(ErrorCode::kNotFound, "no master file:", file.string());
  return MasterIdentity{std::move(*run), std::move(*product)};
}

Result<std::vector<path>> read_master_sources(const path& file) {
  const auto opened = open_file(file.string(), H5F_ACC_RDONLY);
  if (!opened) return std::unexpected(opened.error());
  const Handle set(H5Dopen2(opened->get(), (kMasterData + "/data").c_str(), H5P_DEFAULT));
  if (!set.valid()) return fail(ErrorCode::kNotFound, "no master file:", file.string());
  auto sources = virtual_sources(set.get(), file);
  if (sources.empty()) return fail(ErrorCode::kNotFound, "no master file:", file.string());
  return sources;
}

Result<std::int64_t> read_master_fingerprint(const path& file) {
  const auto opened = open_file(file.string(), H5F_ACC_RDONLY);
  if (!opened) return std::unexpected(opened.error());
  return read_integer_attribute(opened->get(), kMasterFrames, kFingerprint);
}

bool is_master(const path& file) {
  return file.native().ends_with(kMasterSuffix) && read_master(file).has_value();
}

}  // namespace framelog
