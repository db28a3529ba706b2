#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "core/scan.hpp"
#include "formats/hdf5_layout.hpp"

namespace framelog::hdf5 {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const std::string kSeries = kReadout + "/virtual_detectors";

void write_parameters(Tree& tree, const std::string& path, const DetectorDescription& detector) {
  for (const auto& [name, value] : detector.parameters) {
    if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value)) {
      const std::vector<double> values(numbers->begin(), numbers->end());
      tree.attribute(path, name, std::span<const double>(values));
    } else if (const auto* number = std::get_if<double>(&value)) {
      tree.attribute(path, name, std::span<const double>(number, 1));
    } else {
      tree.attribute(path, name, std::get<std::string>(value));
    }
  }
  tree.attribute(path, "pixels", detector.pixels);
  tree.attribute(path, "long_name", "Sum over the detector " + detector.name);
}

void write_scan(Tree& tree, const SegmentDescription& d) {
  if (!d.scan) return;
  const std::array<std::int64_t, 2> shape{d.scan->rows, d.scan->columns};
  tree.integers(kScanShape, shape);
  tree.integer(kScanFlyback, d.scan->flyback);
  tree.integer(kScanFirst, static_cast<std::int64_t>(d.scan->first_number));
  if (d.scan_step.empty()) return;
  tree.number(kReadout + "/scan_step_y", d.scan_step.front().value, d.scan_step.front().unit);
  tree.number(kReadout + "/scan_step_x", d.scan_step.back().value, d.scan_step.back().unit);
}

using Columns = std::vector<std::vector<double>>;

/// Rows that a power cut has taken: true where the sums are not those of the frame's record.
std::vector<bool> lost_rows(const Columns& columns, const std::vector<FrameRecord>& records) {
  std::vector<bool> lost(records.size());
  std::vector<double> row(columns.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (std::size_t k = 0; k < columns.size(); ++k) row[k] = columns[k][i];
    lost[i] = detectors_check(row) != records[i].detectors_check;
  }
  return lost;
}

void blank(Tree& tree, const std::string& path, const std::vector<bool>& lost,
           std::vector<double>& column) {
  bool any = false;
  for (std::size_t i = 0; i < lost.size(); ++i) {
    if (!lost[i]) continue;
    column[i] = kNan;
    any = true;
  }
  if (!any) return;
  const Handle set(H5Dopen2(tree.file(), path.c_str(), H5P_DEFAULT));
  tree.check(set.valid() && H5Dwrite(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                     column.data()) >= 0,
             "cannot write", path);
}

/// The scans of which a segment holds points, and where each of its frames belongs.
struct Places {
  std::vector<std::uint64_t> scans;  ///< Their numbers.
  std::size_t without_image{};
  std::vector<std::optional<std::size_t>> of_frame;  ///< Index into all images.
};

/// Scans without a frame have no image. Where losses spread the frames over more scans than there
/// is space reserved for, the last ones have none.
std::optional<Places> places_of(const Scan& scan, const std::vector<FrameRecord>& records) {
  Places places;
  std::set<std::uint64_t> present;
  for (const FrameRecord& record : records) {
    if (const auto point = point_of(scan, record.source_sequence)) present.insert(point->scan);
  }
  if (present.empty()) return std::nullopt;
  places.scans.assign(present.begin(), present.end());
  const auto most = static_cast<std::size_t>(most_scans(scan, records.size()));
  places.without_image = places.scans.size() - std::min(places.scans.size(), most);
  places.scans.resize(places.scans.size() - places.without_image);
  for (const FrameRecord& record : records) {
    const auto point = point_of(scan, record.source_sequence);
    places.of_frame.emplace_back();
    if (!point) continue;
    const auto found = std::ranges::lower_bound(places.scans, point->scan);
    if (found == places.scans.end()) continue;
    const auto index = static_cast<std::uint64_t>(found - places.scans.begin());
    places.of_frame.back() = static_cast<std::size_t>(
        index * scan.points() + std::uint64_t{point->row} * scan.columns + point->column);
  }
  return places;
}

void write_image(Tree& tree, const std::string& path, const Scan& scan, std::uint64_t scans,
                 hid_t type, const void* data) {
  const std::array<hsize_t, 3> sizes{scans, scan.rows, scan.columns};
  const bool one = scans == 1;
  const Handle space(H5Screate_simple(one ? 2 : 3, one ? sizes.data() + 1 : sizes.data(), nullptr));
  tree.dataset(path, type, space.get(), H5P_DEFAULT, data);
}

void write_images(Tree& tree, const Scan& scan, const Places& places,
                  const std::vector<std::string>& names, const Columns& columns) {
  const auto points = static_cast<std::size_t>(places.scans.size() * scan.points());
  std::vector<std::uint8_t> holes(points, 1);
  for (const auto& place : places.of_frame) {
    if (place) holes[*place] = 0;
  }
  for (std::size_t k = 0; k < names.size(); ++k) {
    std::vector<double> image(points, kNan);
    for (std::size_t i = 0; i < places.of_frame.size(); ++i) {
      if (places.of_frame[i]) image[*places.of_frame[i]] = columns[k][i];
    }
    const std::string path = detector_path(names[k]) + "_image";
    write_image(tree, path, scan, places.scans.size(), H5T_IEEE_F64LE, image.data());
    tree.attribute(path, "long_name", "Image of the detector " + names[k]);
  }
  const std::string path = kDetectors + "/scan_mask";
  write_image(tree, path, scan, places.scans.size(), H5T_STD_U8LE, holes.data());
  tree.attribute(path, "long_name", std::string_view("1 where there is no frame"));
  tree.attribute(path, "first_scan", static_cast<std::int64_t>(places.scans.front()));
  const std::vector<std::int64_t> numbers(places.scans.begin(), places.scans.end());
  tree.integers(kReadout + "/scan_numbers", numbers);
  if (places.without_image > 0) {
    tree.attribute(path, "scans_without_image", static_cast<std::int64_t>(places.without_image));
  }
}

}  // namespace

std::string detector_path(const std::string& name) { return kDetectors + "/" + name; }

void write_detectors(Tree& tree, const SegmentDescription& d, const Paging& paging) {
  write_scan(tree, d);
  if (d.detectors.empty()) return;
  tree.group(kDetectors, "NXdata");
  const std::array<std::string, 1> axes{"time"};
  tree.attribute(kDetectors, "signal", d.detectors.front().name);
  tree.attribute(kDetectors, "axes", std::span<const std::string>(axes));
  tree.attribute(kDetectors, "time_indices", std::int64_t{0});
  std::vector<std::string> names;
  for (const DetectorDescription& detector : d.detectors) {
    names.push_back(detector.name);
    const std::string path = detector_path(detector.name);
    write_growing(tree, path, H5T_IEEE_F64LE, d.capacity_frames, paging.time_rows);
    write_parameters(tree, path, detector);
    tree.attribute(path, "units", d.value_unit);
  }
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : "\n") + name;
  tree.text(kSeries, list);
}

std::optional<Scan> read_scan(hid_t file) {
  if (!has(file, kScanShape)) return std::nullopt;
  const Handle set(H5Dopen2(file, kScanShape.c_str(), H5P_DEFAULT));
  std::array<std::int64_t, 2> shape{};
  const auto flyback = read_integer(file, kScanFlyback);
  const auto first = read_integer(file, kScanFirst);
  if (dimensions(file, kScanShape) != std::vector<hsize_t>{2} || !flyback || !first ||
      H5Dread(set.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, shape.data()) < 0) {
    return std::nullopt;
  }
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const bool sensible = shape[0] > 0 && shape[0] <= kMost && shape[1] > 0 && shape[1] <= kMost &&
                        *flyback >= 0 && *flyback <= kMost;
  if (!sensible) return std::nullopt;
  return Scan{static_cast<std::uint32_t>(shape[0]), static_cast<std::uint32_t>(shape[1]),
              static_cast<std::uint32_t>(*flyback), static_cast<std::uint64_t>(*first)};
}

std::vector<std::string> detector_names(hid_t file) {
  const auto list = has(file, kSeries) ? read_text(file, kSeries) : Result<std::string>{};
  std::vector<std::string> names;
  if (!list || list->empty()) return names;
  for (std::size_t begin = 0; begin <= list->size();) {
    const std::size_t end = std::min(list->find('\n', begin), list->size());
    names.push_back(list->substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

Result<std::vector<double>> read_series(hid_t file, const std::string& detector,
                                        std::int64_t count) {
  const std::string path = detector_path(detector);
  const auto sizes = dimensions(file, path);
  hsize_t file_bytes = 0;
  if (sizes.size() != 1 || count < 0 || std::cmp_less(sizes[0], count) ||
      H5Fget_filesize(file, &file_bytes) < 0 ||
      static_cast<hsize_t>(count) > file_bytes / sizeof(double)) {
    return fail(ErrorCode::kCorrupt, "the series is shorter than the frames:", path);
  }
  std::vector<double> values(static_cast<std::size_t>(count));
  if (count == 0) return values;
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle space(H5Dget_space(set.get()));
  const hsize_t start = 0;
  const auto rows = static_cast<hsize_t>(count);
  const Handle memory(H5Screate_simple(1, &rows, nullptr));
  H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &start, nullptr, &rows, nullptr);
  if (H5Dread(set.get(), H5T_NATIVE_DOUBLE, memory.get(), space.get(), H5P_DEFAULT, values.data()) <
      0) {
    return fail(ErrorCode::kCorrupt, "cannot read the series:", path + ": " + last_error());
  }
  return values;
}

void complete_detectors(Tree& tree, const std::vector<FrameRecord>& records) {
  if (!tree.good()) return;
  const auto names = detector_names(tree.file());
  if (names.empty()) return;
  Columns columns;
  for (const std::string& name : names) {
    auto series = read_series(tree.file(), name, static_cast<std::int64_t>(records.size()));
    tree.check(series.has_value(), "cannot read", detector_path(name));
    if (!series) return;
    columns.push_back(std::move(*series));
  }
  const auto lost = lost_rows(columns, records);
  for (std::size_t k = 0; k < names.size(); ++k) {
    blank(tree, detector_path(names[k]), lost, columns[k]);
  }
  tree.hard_link(kTime, kDetectors + "/time");
  const auto scan = read_scan(tree.file());
  if (!scan) return;
  if (const auto places = places_of(*scan, records)) {
    write_images(tree, *scan, *places, names, columns);
  }
}

}  // namespace framelog::hdf5
