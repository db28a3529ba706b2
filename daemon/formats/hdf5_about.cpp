#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "formats/hdf5_layout.hpp"

// What a segment says of itself, read back.
namespace framelog::hdf5 {
namespace {

std::string text_at(hid_t file, const std::string& path) {
  return has(file, path) ? read_text(file, path).value_or("") : std::string();
}

std::optional<double> number_at(hid_t file, const std::string& path) {
  if (!has(file, path)) return std::nullopt;
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle space(set.valid() ? H5Dget_space(set.get()) : -1);
  double value = 0;
  if (!space.valid() || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) < 0) {
    return std::nullopt;
  }
  return value;
}

/// Two unsigned numbers, as pixels are counted.
std::array<std::uint32_t, 2> pair_at(hid_t file, const std::string& path) {
  std::array<std::uint32_t, 2> pair{};
  if (!has(file, path) || dimensions(file, path) != std::vector<hsize_t>{2}) return pair;
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  if (H5Dread(set.get(), H5T_NATIVE_UINT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, pair.data()) < 0) {
    return {};
  }
  return pair;
}

void read_readout(hid_t file, SegmentDescription& d) {
  const auto origin = pair_at(file, kReadout + "/roi_origin_yx");
  const auto size = pair_at(file, kReadout + "/roi_size_yx");
  const auto bin = pair_at(file, kReadout + "/binning_yx");
  const auto sensor = pair_at(file, kReadout + "/sensor_size_yx");
  d.region = {origin[0], origin[0] + size[0], origin[1], origin[1] + size[1]};
  if (bin[0] > 0 && bin[1] > 0) d.bin = {bin[0], bin[1]};
  d.sensor = {sensor[0], sensor[1], d.shape.type};
  d.bin_mode = text_at(file, kReadout + "/binning_mode");
  d.segment_number = read_integer(file, kReadout + "/segment_number").value_or(0);
  d.run_start_utc_ns = read_integer(file, kReadout + "/run_start_utc_ns").value_or(0);
  d.run_start_monotonic_ns = read_integer(file, kReadout + "/run_start_monotonic_ns").value_or(0);
}

/// Of a source pixel, from what the pixels are tagged with: the axes are of one pixel at least.
void read_pixel_size(hid_t file, SegmentDescription& d) {
  const auto tags = read_text_attribute(file, kData, "axistags");
  if (!tags) return;
  const auto json = nlohmann::json::parse(*tags, nullptr, false);
  if (!json.is_object() || !json.contains("axes") || !json["axes"].is_array()) return;
  std::array<Length, 2> sizes;
  for (const auto& axis : json["axes"]) {
    if (!axis.is_object() || !axis.contains("key") || !axis.contains("resolution") ||
        !axis["resolution"].is_number()) {
      continue;
    }
    const bool is_y = axis["key"] == "y";
    if (!is_y && axis["key"] != "x") continue;
    const std::string unit = axis.contains("description") && axis["description"].is_string()
                                 ? axis["description"].get<std::string>()
                                 : "";
    const double pixels = is_y ? d.bin.rows : d.bin.columns;
    sizes[is_y ? 0 : 1] = {axis["resolution"].get<double>() / pixels, unit};
  }
  d.pixel_size.assign(sizes.begin(), sizes.end());
}

void read_instrument(hid_t file, SegmentDescription& d) {
  d.instrument = text_at(file, kEntry + "/instrument/name");
  d.detector_description = text_at(file, kDetector + "/description");
  d.channel = text_at(file, kDetector + "/local_name");
  d.serial_number = text_at(file, kDetector + "/serial_number");
  if (const auto bits = number_at(file, kDetector + "/bit_depth_readout")) {
    d.bit_depth = static_cast<int>(*bits);
  }
  d.saturation = number_at(file, kDetector + "/saturation_value");
}

/// "run-0007"
std::int64_t run_number_of(std::string_view text) {
  constexpr std::string_view kPrefix = "run-";
  std::int64_t number = 0;
  if (!text.starts_with(kPrefix)) return 0;
  text.remove_prefix(kPrefix.size());
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Its shape as it was configured: all are texts.
void read_parameters(hid_t file, const std::string& path, DetectorDescription& detector) {
  for (const char* key : {"shape", "center", "inner", "outer", "roi", "file"}) {
    if (const auto text = read_text_attribute(file, path, key)) {
      detector.parameters.emplace_back(key, *text);
    }
  }
}

void read_detectors(hid_t file, SegmentDescription& d) {
  for (const std::string& name : detector_names(file)) {
    DetectorDescription detector;
    detector.name = name;
    const std::string path = detector_path(name);
    detector.pixels = read_integer_attribute(file, path, "pixels").value_or(0);
    read_parameters(file, path, detector);
    d.detectors.push_back(std::move(detector));
  }
}

void read_scan_facts(hid_t file, SegmentDescription& d) {
  d.scan = read_scan(file);
  for (const char* key : {"/scan_step_y", "/scan_step_x"}) {
    const auto step = number_at(file, kReadout + key);
    if (!d.scan || !step) return;
    const auto unit = read_text_attribute(file, kReadout + key, "units");
    d.scan_step.push_back({*step, unit.value_or("")});
  }
}

}  // namespace

SegmentDescription read_description(hid_t file) {
  SegmentDescription d;
  const auto sizes = dimensions(file, kData);
  const Handle data(H5Dopen2(file, kData.c_str(), H5P_DEFAULT));
  const Handle type(data.valid() ? H5Dget_type(data.get()) : -1);
  if (sizes.size() == 3 && type.valid()) {
    d.shape = {static_cast<std::uint32_t>(sizes[1]), static_cast<std::uint32_t>(sizes[2]),
               pixel_type(type.get()).value_or(PixelType{})};
  }
  d.program_version = read_text_attribute(file, "/", "creator_version").value_or("");
  d.title = text_at(file, kEntry + "/title");
  d.notes = text_at(file, kEntry + "/notes");
  d.operator_name = text_at(file, kEntry + "/operator/name");
  d.sample = text_at(file, kEntry + "/sample/name");
  d.run_uuid = text_at(file, kEntry + "/entry_identifier_uuid");
  d.run_number = run_number_of(text_at(file, kEntry + "/collection_identifier"));
  d.configuration = text_at(file, kEntry + "/configuration/data");
  d.value_unit = read_text_attribute(file, kData, "units").value_or("");
  read_instrument(file, d);
  read_readout(file, d);
  read_pixel_size(file, d);
  read_scan_facts(file, d);
  read_detectors(file, d);
  return d;
}

}  // namespace framelog::hdf5
