#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/clock.hpp"
#include "formats/hdf5_bytes.hpp"
#include "formats/hdf5_filters.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_lines.hpp"

namespace framelog::hdf5 {
namespace {

using D = SegmentDescription;

void write_root(Tree& tree, const D& d) {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  tree.attribute("/", "NX_class", std::string_view("NXroot"));
  tree.attribute("/", "default", std::string_view("entry"));
  tree.attribute("/", "file_name", std::string_view(""));
  tree.attribute("/", "file_time", iso_time(d.run_start_utc_ns));
  tree.attribute("/", "creator", std::string_view("framelogd"));
  tree.attribute("/", "creator_version", d.program_version);
  tree.attribute("/", "HDF5_Version", fmt::format("{}.{}.{}", major, minor, release));
  tree.attribute("/", "NeXus_release", std::string_view("v2026.01"));
}

void write_entry(Tree& tree, const D& d) {
  tree.group(kEntry, "NXentry");
  tree.attribute(kEntry, "default", std::string_view("data"));
  tree.text(kEntry + "/title", d.title.empty() ? d.instrument + " " + d.product : d.title);
  tree.text(kEntry + "/start_time", iso_time(d.run_start_utc_ns));
  tree.text(kEntry + "/entry_identifier_uuid", d.run_uuid);
  tree.attribute(kEntry + "/entry_identifier_uuid", "version", std::string_view("4"));
  tree.text(kEntry + "/collection_identifier", fmt::format("run-{:04}", d.run_number));
  tree.text(kEntry + "/program_name", "framelogd");
  tree.attribute(kEntry + "/program_name", "version", d.program_version);
  tree.attribute(kEntry + "/program_name", "configuration", d.configuration_sha256);
  if (!d.notes.empty()) tree.text(kEntry + "/notes", d.notes);
  if (!d.operator_name.empty()) {
    tree.group(kEntry + "/operator", "NXuser");
    tree.text(kEntry + "/operator/name", d.operator_name);
  }
  if (!d.sample.empty()) {
    tree.group(kEntry + "/sample", "NXsample");
    tree.text(kEntry + "/sample/name", d.sample);
  }
  tree.group(kEntry + "/marks", "NXcollection");
  tree.group(kEntry + "/instrument", "NXinstrument");
  tree.text(kEntry + "/instrument/name", d.instrument);
}

void write_detector(Tree& tree, const D& d) {
  tree.group(kDetector, "NXdetector");
  tree.text(kDetector + "/description", d.detector_description);
  tree.text(kDetector + "/local_name", d.channel.empty() ? d.detector_model : d.channel);
  if (!d.serial_number.empty()) tree.text(kDetector + "/serial_number", d.serial_number);
  if (d.simulated) tree.integer(kDetector + "/simulated", 1);
  if (d.bit_depth) tree.integer(kDetector + "/bit_depth_readout", *d.bit_depth);
  if (d.saturation) tree.number(kDetector + "/saturation_value", *d.saturation);
  if (d.sensor_pitch_m) {
    tree.number(kDetector + "/y_pixel_size", d.sensor_pitch_m->first * d.bin.rows, "m");
    tree.number(kDetector + "/x_pixel_size", d.sensor_pitch_m->second * d.bin.columns, "m");
  }
}

void write_readout(Tree& tree, const D& d) {
  const std::vector<std::int64_t> origin{d.region.y_start, d.region.x_start};
  const std::vector<std::int64_t> size{d.region.height_px(), d.region.width_px()};
  const std::vector<std::int64_t> bin{d.bin.rows, d.bin.columns};
  const std::vector<std::int64_t> sensor{d.sensor.height_px, d.sensor.width_px};
  tree.group(kReadout, "NXcollection");
  tree.integers(kReadout + "/roi_origin_yx", origin);
  tree.integers(kReadout + "/roi_size_yx", size);
  tree.integers(kReadout + "/binning_yx", bin);
  tree.text(kReadout + "/binning_mode", d.bin_mode);
  tree.integers(kReadout + "/sensor_size_yx", sensor);
  tree.integer(kReadout + "/segment_number", d.segment_number);
  tree.integer(kReadout + "/run_start_utc_ns", d.run_start_utc_ns, "ns");
  tree.integer(kReadout + "/run_start_monotonic_ns", d.run_start_monotonic_ns, "ns");
  tree.integer(kValid, 0);
  tree.integer(kSynced, 0);
}

/// Centres of the product's pixels; the centre of the source's pixel 0 is the origin.
std::vector<double> axis(std::uint32_t start, std::uint32_t bin, std::uint32_t pixels,
                         double pixel_size) {
  std::vector<double> centres(pixels);
  for (std::uint32_t i = 0; i < pixels; ++i) {
    centres[i] = (start + static_cast<double>(bin) * i + (bin - 1) * 0.5) * pixel_size;
  }
  return centres;
}

void write_axes(Tree& tree, const D& d) {
  tree.group(kDataGroup, "NXdata");
  const Length& y = d.pixel_size.front();
  const Length& x = d.pixel_size.back();
  tree.column(kDataGroup + "/y", axis(d.region.y_start, d.bin.rows, d.shape.height_px, y.value),
              y.unit);
  tree.column(kDataGroup + "/x", axis(d.region.x_start, d.bin.columns, d.shape.width_px, x.value),
              x.unit);
  const std::array<std::string, 3> axes{"time", "y", "x"};
  tree.attribute(kDataGroup, "signal", std::string_view("data"));
  tree.attribute(kDataGroup, "axes", std::span<const std::string>(axes));
  tree.attribute(kDataGroup, "time_indices", std::int64_t{0});
  tree.attribute(kDataGroup, "y_indices", std::int64_t{1});
  tree.attribute(kDataGroup, "x_indices", std::int64_t{2});
}

nlohmann::json to_json(const ProcessStep& step) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, value] : step.parameters) {
    std::visit([&, &key = name](const auto& held) { json[key] = held; }, value);
  }
  return json;
}

void write_parameter(Tree& tree, const std::string& path, const ProcessStep::Value& value) {
  if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value)) {
    tree.integers(path, *numbers);
  } else if (const auto* number = std::get_if<double>(&value)) {
    tree.number(path, *number);
  } else {
    tree.text(path, std::get<std::string>(value));
  }
}

void write_steps(Tree& tree, const D& d) {
  for (std::size_t i = 0; i < d.steps.size(); ++i) {
    const ProcessStep& step = d.steps[i];
    const std::string path = fmt::format("{}/process_{}_{}", kEntry, i + 1, step.name);
    tree.group(path, "NXprocess");
    tree.text(path + "/program", "framelogd");
    tree.text(path + "/version", d.program_version);
    tree.text(path + "/date", iso_time(d.run_start_utc_ns));
    tree.integer(path + "/sequence_index", static_cast<std::int64_t>(i + 1));
    tree.group(path + "/parameters", "NXparameters");
    for (const auto& [name, value] : step.parameters) {
      write_parameter(tree, path + "/parameters/" + name, value);
    }
    tree.note(path + "/parameters_json", "application/json", to_json(step).dump());
  }
}

void write_pixels(Tree& tree, const D& d, const Paging& paging) {
  const std::array<hsize_t, 3> size{static_cast<hsize_t>(d.capacity_frames), d.shape.height_px,
                                    d.shape.width_px};
  const std::array<hsize_t, 3> most{H5S_UNLIMITED, d.shape.height_px, d.shape.width_px};
  const std::array<hsize_t, 3> chunk{static_cast<hsize_t>(paging.frames_per_chunk),
                                     d.shape.height_px, d.shape.width_px};
  const Handle space(H5Screate_simple(3, size.data(), most.data()));
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(properties.get(), 3, chunk.data());
  H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  tree.dataset(kData, type_of(d.shape.type), space.get(), properties.get(), nullptr);
}

/// Of which nothing is allocated; its chunks are to be told by a fixed array, which HDF5 takes
/// where the largest size is known.
void write_packed_pixels(Tree& tree, const D& d) {
  const std::array<hsize_t, 3> size{1, d.shape.height_px, d.shape.width_px};
  const std::array<hsize_t, 3> most{static_cast<hsize_t>(array_entries(d.capacity_frames)),
                                    d.shape.height_px, d.shape.width_px};
  const Handle space(H5Screate_simple(3, size.data(), most.data()));
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(properties.get(), 3, size.data());
  set_filters(properties.get(), d.compression, size_bytes(d.shape.type));
  tree.dataset(kData, type_of(d.shape.type), space.get(), properties.get(), nullptr);
}

void describe_pixels(Tree& tree, const D& d) {
  const Length& y = d.pixel_size.front();
  const Length& x = d.pixel_size.back();
  const nlohmann::json tags{
      {"axes",
       {{{"key", "t"}, {"typeFlags", 8}, {"resolution", 0.0}, {"description", "s"}},
        {{"key", "y"},
         {"typeFlags", 2},
         {"resolution", y.value * d.bin.rows},
         {"description", y.unit}},
        {{"key", "x"},
         {"typeFlags", 2},
         {"resolution", x.value * d.bin.columns},
         {"description", x.unit}}}}};
  const nlohmann::json units{{"t", "s"}, {"y", y.unit}, {"x", x.unit}};
  tree.attribute(kData, "units", d.value_unit);
  tree.attribute(kData, "long_name", d.value_unit);
  tree.attribute(kData, "target", kData);
  tree.attribute(kData, "axistags", tags.dump());
  tree.attribute(kData, "axis_units", units.dump());
  const std::array<double, 2> range{0.0, 0.0};
  tree.attribute(kData, "drange", std::span<const double>(range));
}

void write_correction(Tree& tree, const D& d) {
  tree.flag(kDetector + "/flatfield_applied", d.flatfield_applied);
  tree.flag(kDetector + "/pixel_mask_applied", !d.pixel_mask.empty());
  if (d.pixel_mask.empty()) return;
  // NXdetector: bit 1 is a dead pixel.
  constexpr std::uint32_t kDead = 1U << 1U;
  std::vector<std::uint32_t> mask;
  for (const std::uint8_t bad : d.pixel_mask) mask.push_back(bad != 0 ? kDead : 0);
  const std::array<hsize_t, 2> size{d.shape.height_px, d.shape.width_px};
  const Handle space(H5Screate_simple(2, size.data(), nullptr));
  tree.dataset(kDetector + "/pixel_mask", H5T_STD_U32LE, space.get(), H5P_DEFAULT, mask.data());
}

}  // namespace

void write_growing(Tree& tree, const std::string& path, hid_t type, std::int64_t capacity,
                   std::int64_t rows_per_chunk) {
  const auto rows = static_cast<hsize_t>(capacity);
  const auto chunk = static_cast<hsize_t>(rows_per_chunk);
  const hsize_t unlimited = H5S_UNLIMITED;
  const bool chunked = rows_per_chunk > 0;
  const Handle space(H5Screate_simple(1, &rows, chunked ? &unlimited : nullptr));
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  if (chunked) H5Pset_chunk(properties.get(), 1, &chunk);
  H5Pset_alloc_time(properties.get(), chunked ? H5D_ALLOC_TIME_EARLY : H5D_ALLOC_TIME_LATE);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  tree.dataset(path, type, space.get(), properties.get(), nullptr);
}

void write_description(Tree& tree, const SegmentDescription& d, const Paging& paging) {
  write_root(tree, d);
  write_entry(tree, d);
  write_detector(tree, d);
  write_correction(tree, d);
  write_readout(tree, d);
  write_axes(tree, d);
  write_steps(tree, d);
  tree.note(kProvenance, "application/json", d.provenance_json);
  tree.note(kEntry + "/configuration", "text/plain", d.configuration);

  write_growing(tree, kFrameTable, frame_record_type().get(), d.capacity_frames,
                paging.record_rows);
  write_lines(tree, d);
  write_detectors(tree, d, paging);
  write_growing(tree, kTime, H5T_IEEE_F64LE, d.capacity_frames, paging.time_rows);
  tree.attribute(kTime, "units", std::string_view("s"));
  tree.attribute(kTime, "long_name", std::string_view("Time since the start of the run"));
  tree.attribute(kTime, "start", iso_time(d.run_start_utc_ns));
  if (d.compression.codec == Codec::kNone) {
    write_pixels(tree, d, paging);
  } else {
    write_packed_pixels(tree, d);
  }
  describe_pixels(tree, d);
  tree.hard_link(kData, kDataGroup + "/data");
}

}  // namespace framelog::hdf5
