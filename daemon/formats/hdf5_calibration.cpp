#include "formats/hdf5_calibration.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/iso_time.hpp"
#include "formats/export_axes.hpp"
#include "formats/hdf5_candidates.hpp"
#include "formats/hdf5_frames.hpp"
#include "formats/hdf5_heap.hpp"
#include "formats/hdf5_pymodaq.hpp"
#include "formats/hdf5_tree.hpp"
#include "formats/length_unit.hpp"

namespace framelog::hdf5 {
namespace {

/// More are no axis.
constexpr hsize_t kMostPoints = hsize_t{1} << 24U;

/// The texts of an attribute that is a list of them.
std::vector<std::string> texts_of(hid_t file, const std::string& path, const char* name) {
  if (H5Aexists_by_name(file, path.c_str(), name, H5P_DEFAULT) <= 0) return {};
  const Handle attribute(H5Aopen_by_name(file, path.c_str(), name, H5P_DEFAULT, H5P_DEFAULT));
  const Handle type(attribute.valid() ? H5Aget_type(attribute.get()) : -1);
  const Handle space(attribute.valid() ? H5Aget_space(attribute.get()) : -1);
  const auto count = space.valid() ? H5Sget_simple_extent_npoints(space.get()) : 0;
  if (count < 1 || count > 8 || H5Tget_class(type.get()) != H5T_STRING) return {};
  if (H5Tis_variable_str(type.get()) > 0) {
    return read_heap(attribute.get()).value_or(std::vector<std::string>{});
  }
  std::vector<std::string> texts(static_cast<std::size_t>(count));
  const std::size_t bytes = H5Tget_size(type.get());
  std::string all(bytes * texts.size(), '\0');
  if (H5Aread(attribute.get(), type.get(), all.data()) < 0) return {};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i] = all.substr(i * bytes, bytes);
    texts[i].resize(std::min(texts[i].find('\0'), texts[i].size()));
  }
  return texts;
}

/// A column of numbers; empty where there is none of as many.
std::vector<double> column_of(hid_t file, const std::string& path, hsize_t count) {
  if (!has(file, path) || count > kMostPoints) return {};
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle type(set.valid() ? H5Dget_type(set.get()) : -1);
  if (!type.valid() || dimensions_of(set.get()) != std::vector<hsize_t>{count}) return {};
  const auto kind = H5Tget_class(type.get());
  std::vector<double> values(count);
  if ((kind != H5T_INTEGER && kind != H5T_FLOAT) ||
      H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    return {};
  }
  return values;
}

/// One dimension of the frames as a NeXus group tells it.
struct NexusAxis {
  std::string path;  ///< Of its scale; empty: none.
  hsize_t size{};
};

/// The dimensions of `dataset` by the group that it is in.
std::vector<NexusAxis> nexus_axes(hid_t file, const std::string& dataset) {
  const Handle set(H5Dopen2(file, dataset.c_str(), H5P_DEFAULT));
  const auto sizes = set.valid() ? dimensions_of(set.get()) : std::vector<hsize_t>{};
  std::vector<NexusAxis> axes;
  // Frames often lie with their detector, and are linked into the group that shows them.
  const std::string parent = dataset.substr(0, dataset.rfind('/'));
  for (const std::string& group : {parent, std::string("/entry/data")}) {
    if (!group.empty() && !has(file, group)) continue;
    const auto names = texts_of(file, group.empty() ? "/" : group, "axes");
    if (names.size() != sizes.size()) continue;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      axes.push_back({names[i] == "." ? "" : group + "/" + names[i], sizes[i]});
    }
    return axes;
  }
  return axes;
}

/// From point to point, and where the first one is.
void take_scale(hid_t file, const NexusAxis& axis, Length& size, double* origin) {
  if (axis.path.empty()) return;
  const auto scale = column_of(file, axis.path, axis.size);
  const auto unit = read_text_attribute(file, axis.path, "units");
  if (scale.empty() || !unit) return;
  if (scale.size() == 1) {  // Of one pixel, whose size the tags may tell.
    if (origin != nullptr && !size.unit.empty() && known_length(1, *unit) == Length{1, size.unit}) {
      *origin = scale.front();
    }
    return;
  }
  const double step = (scale.back() - scale.front()) / static_cast<double>(scale.size() - 1);
  const Length known = known_length(step, *unit);
  if (known.unit.empty()) return;
  size = known;
  if (origin != nullptr) *origin = scale.front() * (known.value / step);
}

void take_tags(const nlohmann::json& axis, const nlohmann::json& units, StoredFacts& facts) {
  if (!axis.is_object() || !axis.contains("key") || !axis["key"].is_string()) return;
  const auto key = axis["key"].get<std::string>();
  const auto resolution = axis.find("resolution");
  if (resolution == axis.end() || !resolution->is_number()) return;
  std::string unit;
  if (units.is_object() && units.contains(key) && units[key].is_string()) unit = units[key];
  const auto description = axis.find("description");
  if (unit.empty() && description != axis.end() && description->is_string()) unit = *description;
  const Length size = known_length(resolution->get<double>(), unit);
  if (key == "y") facts.pixel_size[0] = size;
  if (key == "x") facts.pixel_size[1] = size;
  if (key == "sy") facts.scan_step[0] = size;
  if (key == "sx") facts.scan_step[1] = size;
}

void take_axistags(hid_t file, const std::string& dataset, StoredFacts& facts) {
  const auto text = read_text_attribute(file, dataset, "axistags");
  if (!text) return;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("axes") || !json["axes"].is_array()) return;
  const auto units = nlohmann::json::parse(
      read_text_attribute(file, dataset, "axis_units").value_or("{}"), nullptr, false);
  for (const auto& axis : json["axes"]) take_tags(axis, units, facts);
}

std::string first_text(hid_t file, std::initializer_list<const char*> paths) {
  for (const char* path : paths) {
    if (!has(file, path)) continue;
    const Handle object(H5Oopen(file, path, H5P_DEFAULT));
    if (!object.valid() || H5Iget_type(object.get()) != H5I_DATASET) continue;
    if (auto text = read_text(file, path)) return std::move(*text);
  }
  return {};
}

}  // namespace

std::string read_provenance(hid_t file) {
  return first_text(file, {"/entry/provenance/data", "/provenance_json", "/provenance"});
}

void take_calibration(hid_t file, const std::string& dataset, StoredFacts& facts) {
  take_axistags(file, dataset, facts);
  const auto axes = nexus_axes(file, dataset);
  if (axes.size() >= 2) {
    const std::size_t y = axes.size() - 2;
    take_scale(file, axes[y], facts.pixel_size[0], &facts.origin[0]);
    take_scale(file, axes[y + 1], facts.pixel_size[1], &facts.origin[1]);
    if (facts.scan && axes.size() >= 4) {
      take_scale(file, axes[y - 2], facts.scan_step[0], nullptr);
      take_scale(file, axes[y - 1], facts.scan_step[1], nullptr);
    }
  }
  facts.value_unit = read_text_attribute(file, dataset, "units").value_or("");
  facts.title = first_text(file, {"/entry/title", "/title"});
  facts.channel = first_text(file, {"/entry/instrument/detector/local_name"});
  facts.provenance_json = read_provenance(file);
  take_pymodaq(file, dataset, facts);
  take_export_axes(facts.provenance_json, PixelSides::kBoth, facts);
}

std::vector<double> frame_times(hid_t file, const std::string& dataset, StoredFacts& facts) {
  if (auto times = pymodaq_times(file, dataset, facts); !times.empty()) return times;
  const auto axes = nexus_axes(file, dataset);
  if (axes.size() != 3 || axes[0].path.empty()) return {};
  auto times = column_of(file, axes[0].path, axes[0].size);
  const auto unit = read_text_attribute(file, axes[0].path, "units");
  const double factor = unit ? seconds_in(*unit) : 0;
  if (factor == 0) return {};
  for (double& time : times) time *= factor;
  if (const auto start = read_text_attribute(file, axes[0].path, "start")) {
    facts.start_utc_ns = utc_of_iso(*start).value_or(-1);
  }
  return times;
}

}  // namespace framelog::hdf5

namespace framelog {

Result<std::string> hdf5_provenance(const std::filesystem::path& path) {
  const auto file = hdf5::open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  auto text = hdf5::read_provenance(file->get());
  return text.empty() ? hdf5::pymodaq_provenance(file->get()) : std::move(text);
}

}  // namespace framelog
