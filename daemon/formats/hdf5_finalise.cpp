#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "core/clock.hpp"
#include "formats/chunk_index.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_lines.hpp"
#include "formats/hdf5_packed_segment.hpp"
#include "formats/hdf5_segment.hpp"
#include "formats/undo.hpp"

namespace framelog {
namespace {

using namespace hdf5;

using Records = std::vector<FrameRecord>;

template <class Get>
std::vector<double> column_of(const Records& records, Get get) {
  std::vector<double> values;
  values.reserve(records.size());
  for (const FrameRecord& record : records) values.push_back(get(record));
  return values;
}

double seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

/// From each frame to the next one, the last as the one before it; NaN where there is only one.
std::vector<double> intervals(const Records& records) {
  std::vector<double> values(records.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i + 1 < records.size(); ++i) {
    values[i] = seconds(records[i + 1].monotonic_ns - records[i].monotonic_ns);
  }
  if (values.size() > 1) values.back() = values[values.size() - 2];
  return values;
}

void set_extent(Tree& tree, const std::string& path, hsize_t frames) {
  if (!tree.good()) return;
  auto sizes = dimensions(tree.file(), path);
  const Handle set(H5Dopen2(tree.file(), path.c_str(), H5P_DEFAULT));
  tree.check(set.valid() && !sizes.empty(), "cannot open", path);
  if (!tree.good() || sizes[0] == frames) return;
  sizes[0] = frames;
  tree.check(H5Dset_extent(set.get(), sizes.data()) >= 0, "cannot trim", path);
}

void set_integer(Tree& tree, const std::string& path, std::int64_t value) {
  if (!tree.good()) return;
  const Handle set(H5Dopen2(tree.file(), path.c_str(), H5P_DEFAULT));
  tree.check(set.valid() &&
                 H5Dwrite(set.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0,
             "cannot write", path);
}

void trim(Tree& tree, std::int64_t frames) {
  const auto rows = static_cast<hsize_t>(frames);
  set_extent(tree, kData, rows);
  set_extent(tree, kFrameTable, rows);
  set_extent(tree, kTime, rows);
  for (const std::string& name : detector_names(tree.file())) {
    set_extent(tree, detector_path(name), rows);
  }
  set_integer(tree, kValid, frames);
  set_integer(tree, kSynced, frames);
}

void write_columns(Tree& tree, const Records& records, std::int64_t run_start_monotonic_ns) {
  const std::string start = read_text_attribute(tree.file(), kTime, "start").value_or("");
  const auto exposure = column_of(records, [](const FrameRecord& r) {
    return r.exposure_ns < 0 ? std::numeric_limits<double>::quiet_NaN() : seconds(r.exposure_ns);
  });
  const auto begin = column_of(records, [&](const FrameRecord& r) {
    return seconds(elapsed_ns(run_start_monotonic_ns,
                              r.monotonic_ns - std::max(std::int64_t{0}, r.exposure_ns)));
  });
  std::vector<std::int64_t> sequence;
  for (const FrameRecord& record : records)
    sequence.push_back(static_cast<std::int64_t>(record.sequence));
  if (!std::ranges::all_of(exposure, [](double value) { return std::isnan(value); })) {
    tree.column(kDetector + "/count_time", exposure, "s");
  }
  tree.column(kDetector + "/frame_time", intervals(records), "s");
  tree.column(kDetector + "/start_time", begin, "s");
  tree.attribute(kDetector + "/start_time", "start", start);
  tree.column(kDetector + "/sequence_number", sequence);
}

void write_statistics(Tree& tree, const Records& records) {
  using R = FrameRecord;
  const std::array<std::string, 1> axes{"time"};
  tree.group(kStatistics, "NXdata");
  tree.attribute(kStatistics, "signal", std::string_view("mean"));
  tree.attribute(kStatistics, "axes", std::span<const std::string>(axes));
  tree.attribute(kStatistics, "time_indices", std::int64_t{0});
  tree.column(kStatistics + "/min", column_of(records, [](const R& r) { return r.min; }));
  tree.column(kStatistics + "/max", column_of(records, [](const R& r) { return r.max; }));
  tree.column(kStatistics + "/mean", column_of(records, [](const R& r) { return r.mean; }));
  tree.column(kStatistics + "/std", column_of(records, [](const R& r) { return r.std; }));
  tree.column(kStatistics + "/sum", column_of(records, [](const R& r) { return r.sum; }));
  std::vector<std::int64_t> saturated;
  for (const R& record : records) saturated.push_back(record.saturated);
  tree.column(kStatistics + "/saturated", saturated);
  tree.hard_link(kTime, kStatistics + "/time");
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (const R& record : records) {
    least = std::fmin(least, record.min);
    most = std::fmax(most, record.max);
  }
  const std::array<double, 2> range{least, most};
  if (least <= most) tree.attribute(kData, "drange", std::span<const double>(range));
}

void write_gaps(Tree& tree, const std::vector<GapEntry>& gaps) {
  std::vector<GapRow> rows;
  for (const GapEntry& gap : gaps) {
    GapRow row{gap.after_sequence, gap.frames, gap.duration_ns, {}, {}};
    gap.stage.copy(row.stage, sizeof row.stage);
    gap.reason.copy(row.reason, sizeof row.reason);
    rows.push_back(row);
  }
  const hsize_t count = rows.size();
  const Handle space(H5Screate_simple(1, &count, nullptr));
  tree.dataset(kGaps, gap_type().get(), space.get(), H5P_DEFAULT,
               rows.empty() ? nullptr : rows.data());
}

void write_clock(Tree& tree, const std::vector<ClockEntry>& clock) {
  if (clock.empty()) return;
  std::vector<double> time;
  std::vector<std::int64_t> offset;
  std::vector<std::int64_t> synchronised;
  for (const ClockEntry& entry : clock) {
    time.push_back(seconds(entry.utc_ns - clock.front().utc_ns));
    offset.push_back(entry.utc_minus_monotonic_ns);
    synchronised.push_back(entry.synchronised ? 1 : 0);
  }
  tree.group(kClock, "NXlog");
  tree.text(kClock + "/description", "UTC minus monotonic clock, whenever it changed");
  tree.column(kClock + "/time", time, "s");
  tree.attribute(kClock + "/time", "start", iso_time(clock.front().utc_ns));
  tree.column(kClock + "/value", offset, "ns");
  tree.column(kClock + "/synchronised", synchronised);
}

void write_events(Tree& tree, const std::vector<EventEntry>& events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::string path = kEntry + "/marks/event_" + std::to_string(i + 1);
    tree.group(path, "NXnote");
    tree.text(path + "/date", iso_time(events[i].utc_ns));
    if (!events[i].author.empty()) tree.text(path + "/author", events[i].author);
    tree.text(path + "/type", "text/plain");
    tree.text(path + "/data", events[i].text);
  }
}

/// An NXlog per key, its times in seconds since the start of the run.
void write_environment(Tree& tree, const std::vector<QuantityEntry>& quantities,
                       std::int64_t run_start_utc_ns) {
  if (quantities.empty()) return;
  struct Series {
    std::vector<double> time;
    std::vector<double> value;
    std::string unit;
  };
  std::map<std::string, Series> by_key;
  for (const QuantityEntry& quantity : quantities) {
    Series& series = by_key[quantity.key];
    series.time.push_back(seconds(quantity.utc_ns - run_start_utc_ns));
    series.value.push_back(quantity.value);
    series.unit = quantity.unit;
  }
  tree.group(kEnvironment, "NXcollection");
  for (const auto& [key, series] : by_key) {
    const std::string path = kEnvironment + "/" + key;
    tree.group(path, "NXlog");
    tree.column(path + "/time", series.time, "s");
    tree.attribute(path + "/time", "start", iso_time(run_start_utc_ns));
    tree.column(path + "/value", series.value, series.unit);
    if (series.unit.empty()) tree.attribute(path + "/value", "units", "");
  }
}

void write_end(Tree& tree, const Records& records, const SegmentEnd& end) {
  const Handle scalar(H5Screate(H5S_SCALAR));
  const auto values = accounting_values(end.accounting);
  tree.dataset(kAccounting, accounting_type().get(), scalar.get(), H5P_DEFAULT, values.data());
  const std::int64_t last_ns = records.empty() ? 0 : records.back().utc_ns;
  const double duration =
      records.empty() ? 0.0 : seconds(records.back().monotonic_ns - records.front().monotonic_ns);
  if (!records.empty()) {
    tree.remove(kEntry + "/start_time");
    tree.text(kEntry + "/start_time", iso_time(records.front().utc_ns));
  }
  tree.text(kEntry + "/end_time", iso_time(last_ns));
  tree.number(kEntry + "/duration", duration, "s");
  tree.text(kReadout + "/stop_reason", end.stop_reason);
  tree.attribute("/", "file_name", end.file_name);
  tree.attribute("/", "file_time", iso_time(last_ns));
  tree.remove(kProvenance + "/data");
  tree.text(kProvenance + "/data", end.provenance_json);
}

/// Bytes of the growing tables that trimming makes free in the middle of the file.
struct Hole {
  std::int64_t offset{};
  std::int64_t length{};
};

Hole hole_of(hid_t file, const std::string& path, std::int64_t frames, std::int64_t row_bytes) {
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle properties(set.valid() ? H5Dget_create_plist(set.get()) : -1);
  hsize_t chunk = 0;
  const auto sizes = dimensions(file, path);
  if (!properties.valid() || sizes.empty() || H5Pget_chunk(properties.get(), 1, &chunk) != 1)
    return {};
  const auto rows = static_cast<std::int64_t>(chunk);
  const std::int64_t kept = (frames + rows - 1) / rows;
  const std::int64_t all = (static_cast<std::int64_t>(sizes[0]) + rows - 1) / rows;
  const auto first = chunk_address(set.get(), 0, 1);
  if (!first || kept >= all) return {};
  return {*first + kept * rows * row_bytes, (all - kept) * rows * row_bytes};
}

constexpr std::int64_t kWorthPunching = std::int64_t{1} << 20U;

struct Before {
  std::int64_t head_bytes{};  ///< All bytes before the first pixel.
  std::int64_t run_start_monotonic_ns{};
  std::int64_t run_start_utc_ns{};
  std::vector<Hole> holes;

  [[nodiscard]] std::int64_t hole_bytes() const {
    std::int64_t bytes = 0;
    for (const Hole& hole : holes) bytes += hole.length;
    return bytes;
  }
};

Result<Before> look(const std::filesystem::path& part, std::int64_t frames) {
  auto file = open_file(part.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  if (dimensions(file->get(), kData).size() != 3 || !has(file->get(), kTime)) {
    return fail(ErrorCode::kCorrupt, "not a segment of framelog:", part.string());
  }
  const Handle set(H5Dopen2(file->get(), kData.c_str(), H5P_DEFAULT));
  const auto head = chunk_address(set.get(), 0, 3);
  if (!head) return std::unexpected(head.error());
  const auto start = read_integer(file->get(), kReadout + "/run_start_monotonic_ns");
  if (!start) return std::unexpected(start.error());
  const auto start_utc = read_integer(file->get(), kReadout + "/run_start_utc_ns");
  if (!start_utc) return std::unexpected(start_utc.error());
  Before before{*head, *start, *start_utc, {}};
  before.holes.push_back(hole_of(file->get(), kFrameTable, frames, kFrameRecordBytes));
  before.holes.push_back(hole_of(file->get(), kTime, frames, sizeof(double)));
  for (const std::string& name : detector_names(file->get())) {
    before.holes.push_back(hole_of(file->get(), detector_path(name), frames, sizeof(double)));
  }
  return before;
}

/// What finalising needs of the frames, read before anything is changed.
struct Contents {
  Records records;
  Thumbnails thumbnails;
};

Result<Contents> read_contents(FileSystem& files, const std::filesystem::path& part,
                               std::int64_t frames) {
  auto reader = open_hdf5(files, part);
  if (!reader) return std::unexpected(reader.error());
  auto records = (*reader)->records(frames);
  if (!records) return std::unexpected(records.error());
  return Contents{std::move(*records), make_thumbnails(**reader, frames)};
}

/// Closing a file whose free space is not kept makes HDF5 forget it, so what was freed can be given
/// back.
Result<void> punch(FileSystem& files, const std::filesystem::path& part, const Before& before) {
  auto fd = files.open(part, O_RDWR);
  if (!fd) return std::unexpected(fd.error());
  for (const Hole& hole : before.holes) {
    // A file system without holes keeps the bytes: a larger file, not a wrong one.
    if (hole.length > 0) static_cast<void>(files.punch_hole(fd->get(), hole.offset, hole.length));
  }
  return {};
}

Result<void> write_all(FileSystem& files, const std::filesystem::path& part, std::int64_t frames,
                       const Before& before, const Contents& contents, const SegmentEnd& end) {
  auto file = open_file(part.string(), H5F_ACC_RDWR);
  if (!file) return std::unexpected(file.error());
  Tree tree(std::move(*file));
  trim(tree, frames);
  if (before.hole_bytes() >= kWorthPunching) {
    tree.close();
    if (!tree.good()) return hdf5::failure(tree.error());
    if (auto done = punch(files, part, before); !done) return done;
    auto again = open_file(part.string(), H5F_ACC_RDWR);
    if (!again) return std::unexpected(again.error());
    tree = Tree(std::move(*again));
  }
  write_ending(tree, {contents.records, contents.thumbnails, before.run_start_monotonic_ns,
                      before.run_start_utc_ns, end});
  tree.close();
  if (!tree.good()) return hdf5::failure(tree.error());
  return {};
}

}  // namespace

void hdf5::write_ending(Tree& tree, const Ending& ending) {
  write_columns(tree, ending.records, ending.run_start_monotonic_ns);
  write_statistics(tree, ending.records);
  complete_detectors(tree, ending.records);
  write_thumbnails(tree, ending.thumbnails);
  write_gaps(tree, ending.end.gaps);
  write_clock(tree, ending.end.clock);
  write_events(tree, ending.end.events);
  write_environment(tree, ending.end.quantities, ending.run_start_utc_ns);
  write_edges(tree, ending);
  write_end(tree, ending.records, ending.end);
}

Result<SegmentSummary> finalise_hdf5(FileSystem& files, const std::filesystem::path& part,
                                     std::int64_t frames, const SegmentEnd& end) {
  if (is_packed_part(files, part)) return finalise_packed_hdf5(files, part, frames, end);
  const auto before = look(part, frames);
  if (!before) return std::unexpected(before.error());
  const auto contents = read_contents(files, part, frames);
  if (!contents) return std::unexpected(contents.error());
  if (auto saved =
          save_undo(files, part, before->head_bytes, undo_reserve_path(part), undo_path(part));
      !saved) {
    return std::unexpected(saved.error());
  }
  if (auto done = write_all(files, part, frames, *before, *contents, end); !done) {
    return std::unexpected(done.error());
  }
  auto fd = files.open(part, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  if (auto synced = files.sync(fd->get()); !synced) return std::unexpected(synced.error());
  const auto size = files.size_bytes(fd->get());
  if (!size) return std::unexpected(size.error());
  return SegmentSummary{frames, *size};
}

Result<void> undo_hdf5(FileSystem& files, const std::filesystem::path& part) {
  if (!files.exists(undo_path(part))) return {};
  if (!files.exists(part)) {
    // Finalising had been completed: only the removal of the undo was missing.
    return files.remove(undo_path(part));
  }
  return apply_undo(files, undo_path(part), part);
}

Result<void> publish_hdf5(FileSystem& files, const std::filesystem::path& part,
                          const std::filesystem::path& final_path) {
  if (auto moved = files.rename(part, final_path); !moved) return moved;
  // Behind the rename nothing is a failure: the segment is there. What stays is cleared at the next
  // start.
  if (!files.sync_directory(final_path.parent_path())) return {};
  if (files.exists(undo_reserve_path(part))) {
    static_cast<void>(files.remove(undo_reserve_path(part)));
  }
  for (const auto& file : {undo_path(part), chunk_index_path(part)}) {
    if (files.exists(file)) static_cast<void>(files.remove(file));
  }
  return {};
}

}  // namespace framelog
