#include "export/result_image_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

// What the images of a scan are called.
namespace framelog {
namespace {

/// Names of detectors whose sums are stored, but whose shape is not known here.
std::vector<std::string> only_stored(const RecordingFacts& recording,
                                     const std::vector<DetectorSpec>& detectors) {
  std::vector<std::string> names;
  for (const std::string& name : recording.series) {
    if (std::ranges::find(detectors, name, &DetectorSpec::name) == detectors.end()) {
      names.push_back(name);
    }
  }
  return names;
}

const AxisFacts* find(const ResultFacts& facts, Axis axis) {
  const auto found = std::ranges::find(facts.axes, axis, &AxisFacts::axis);
  return found == facts.axes.end() ? nullptr : &*found;
}

}  // namespace

std::vector<DetectorSpec> all_detectors(const RecordingFacts& recording, const ViewRequest& view) {
  std::vector<DetectorSpec> all = view.detectors;
  for (const DetectorSpec& detector : recording.detectors) {
    const bool known = std::ranges::find(all, detector.name, &DetectorSpec::name) != all.end();
    if (!known) all.push_back(detector);
  }
  return all;
}

std::string image_name(const RecordingFacts& recording, const DetectorSpec& detector) {
  const Length& pixel = recording.pixel_size[0];
  const bool square = !pixel.unit.empty() && pixel == recording.pixel_size[1];
  const double size = square ? pixel.value : 1;
  const std::string unit = square ? pixel.unit : "px";
  const auto ring = [&](double inner, double outer) {
    return fmt::format("{}_{:.6g}-{:.6g}{}", detector.name, inner * size, outer * size, unit);
  };
  if (const auto* disc = std::get_if<Disc>(&detector.area)) return ring(0, disc->outer);
  if (const auto* annulus = std::get_if<Annulus>(&detector.area)) {
    return ring(annulus->inner, annulus->outer);
  }
  return detector.name;
}

std::optional<ScanPoint> pattern_of(std::string_view name) {
  constexpr std::string_view kPrefix = "pattern_";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  ScanPoint point;
  const char* const end = name.data() + name.size();
  const auto row = std::from_chars(name.data(), end, point.row);
  if (row.ec != std::errc{} || row.ptr == end || *row.ptr != '_') return std::nullopt;
  const auto column = std::from_chars(row.ptr + 1, end, point.column);
  if (column.ec != std::errc{} || column.ptr != end) return std::nullopt;
  return point;
}

std::string pattern_name(const ScanPoint& point) {
  return fmt::format("pattern_{}_{}", point.row, point.column);
}

bool has_point(const RecordingFacts& recording, const ResultFacts& facts, const ScanPoint& point) {
  const auto is_in = [&](Axis axis, std::size_t which, std::uint64_t place) {
    const AxisFacts* const found = find(facts, axis);
    if (found == nullptr) return true;
    const IndexRange& range = facts.scan[which];
    const Length& step = recording.scan_step[which];
    const double size = !step.unit.empty() && step.value > 0 ? step.value : 1;
    const auto each = static_cast<std::uint64_t>(std::llround(found->step / size));
    return place >= range.start && place < range.stop && (place - range.start) % each == 0;
  };
  return is_in(Axis::kScanY, 0, point.row) && is_in(Axis::kScanX, 1, point.column);
}

std::vector<std::string> list_images(const Recording& recording, const ViewRequest& view) {
  const RecordingFacts& facts = recording.facts();
  std::vector<std::string> names;
  if (facts.scan) {
    const auto detectors = all_detectors(facts, view);
    for (const DetectorSpec& detector : detectors) names.push_back(image_name(facts, detector));
    for (std::string& name : only_stored(facts, detectors)) names.push_back(std::move(name));
  }
  names.emplace_back(kSumImage);
  names.emplace_back(kMeanImage);
  if (facts.scan) names.emplace_back(kAnyPattern);
  return names;
}

std::optional<std::string> find_image(const Recording& recording, const ViewRequest& view,
                                      const std::string& name) {
  const auto known = list_images(recording, view);
  if (name != kAnyPattern && std::ranges::find(known, name) != known.end()) return name;
  if (recording.facts().scan) {
    const auto detectors = all_detectors(recording.facts(), view);
    const auto found = std::ranges::find(detectors, name, &DetectorSpec::name);
    if (found != detectors.end()) return image_name(recording.facts(), *found);
  }
  const auto point = pattern_of(name);
  const auto& scan = recording.facts().scan;
  if (!point || !scan || point->row >= scan->rows || point->column >= scan->columns) {
    return std::nullopt;
  }
  return pattern_name(*point);
}

std::vector<std::string> images_of_scans(const ResultFacts& facts, const std::string& name) {
  const AxisFacts* const scans = find(facts, Axis::kTime);
  const bool has_points =
      find(facts, Axis::kScanY) != nullptr && find(facts, Axis::kScanX) != nullptr;
  const bool is_of_all = name == kSumImage || name == kMeanImage;
  if (scans == nullptr || scans->size == 1 || !has_points || is_of_all) return {name};
  std::vector<std::string> names;
  for (std::uint64_t scan = 0; scan < scans->size; ++scan) {
    // Scans have no unit, so that their scale is their numbers.
    const double number = scans->origin + static_cast<double>(scan) * scans->step;
    names.push_back(fmt::format("{}_t{}", name, std::llround(number)));
  }
  return names;
}

}  // namespace framelog
