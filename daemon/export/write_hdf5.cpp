#include "export/write_hdf5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "export/write_pymodaq.hpp"
#include "export/write_tables.hpp"
#include "export/write_verify.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

struct Layout {
  std::string_view name;
  Result<std::unique_ptr<DatasetWriter>> (*create)(FileSystem& files, const WritePlan& plan);
};
constexpr std::array<Layout, 5> kLayouts{{{"nexus", create_nexus},
                                          {"ilastik", create_ilastik},
                                          {"playnano", create_playnano},
                                          {"pymodaq", create_pymodaq},
                                          {"quant4d", create_quant4d}}};

const Layout* find_layout(const WriteRequest& request) {
  if (request.layout.empty()) return kLayouts.data();
  const auto* found = std::ranges::find(kLayouts, request.layout, &Layout::name);
  return found == kLayouts.end() ? nullptr : found;
}

bool is_hdf5_codec(Codec codec) noexcept {
  return codec == Codec::kNone || std::ranges::find(kHdf5Codecs, codec) != kHdf5Codecs.end();
}

/// Chunks are told with 32 bits.
constexpr std::uint64_t kMostChunkBytes = (std::uint64_t{1} << 32U) - 1;

Result<void> check_dataset_name(const std::string& name) {
  const std::string path = name.starts_with('/') ? name : "/" + name;
  bool good = name.find('\0') == std::string::npos && name.find("..") == std::string::npos;
  for (const std::string_view part : split(std::string_view(path).substr(1), '/')) {
    good = good && !part.empty() && part != ".";
  }
  // Beside the pixels stands what they were made of.
  good = good && path != "/provenance" && !path.starts_with("/provenance/");
  if (good) return {};
  return fail(ErrorCode::kInvalid, "no name of an HDF5 dataset:",
              name + " (allowed: exported_data, /volume/data; not provenance)");
}

Result<void> check_layout(std::string_view layout, const RecordingFacts& recording,
                          const ResultFacts& result, const WriteRequest& request,
                          std::vector<std::string>& notes) {
  const std::size_t rank = result.axes.size();
  if (layout == "ilastik") return check_dataset_name(request.dataset);
  if (layout == "playnano") {
    if (!has_axes(result, "tyx")) {
      return cannot_write("hdf5, layout playnano",
                          "its data have three axes (allowed: --axes tyx; a scan with --flat)");
    }
    if (!length_in(result.pixel_size[1], "nm")) {
      notes.emplace_back("playnano: the recording has no pixel size; pixel_size_nm is 1");
    }
    return {};
  }
  if (layout == "quant4d") {
    if (rank > 4) {
      return cannot_write("hdf5, layout quant4d",
                          fmt::format("Quant4D reads four dimensions at most, and these are {} "
                                      "(allowed: one scan, --cutout t=0:1; or --flat)",
                                      rank));
    }
    if (result.slice.height_px != result.slice.width_px) {
      notes.push_back(
          fmt::format("Quant4D reads patterns that are not square wrongly: these are "
                      "{} x {} (--cutout makes them square)",
                      result.slice.height_px, result.slice.width_px));
    }
    return {};
  }
  if (layout == "pymodaq" && !has_axes(result, "tyx")) {
    return cannot_write("hdf5, layout pymodaq",
                        "its arrays grow in time (allowed: --axes tyx; a scan with --flat)");
  }
  static_cast<void>(recording);
  return {};
}

}  // namespace

Result<void> check_hdf5(const RecordingFacts& recording, const ResultFacts& result,
                        const WriteRequest& request, std::vector<std::string>& notes) {
  const Layout* layout = find_layout(request);
  if (layout == nullptr) {
    return fail(ErrorCode::kInvalid, "no such layout of hdf5:",
                request.layout + " (allowed: nexus, ilastik, playnano, pymodaq, quant4d)");
  }
  if (result.axes.size() > 32 || result.axes.empty()) {
    return cannot_write("hdf5", "it has 1 to 32 dimensions");
  }
  if (!is_hdf5_codec(request.compression.codec)) {
    return cannot_write("hdf5", fmt::format("it has no compression {} (allowed: none, gzip-0 to "
                                            "gzip-9, lz4, bitshuffle-lz4, zstd-1 to zstd-19)",
                                            to_string(request.compression)));
  }
  const bool chunked = request.compression.codec != Codec::kNone || layout->name == "pymodaq" ||
                       layout->name == "quant4d";
  if (chunked && slice_bytes(result) > kMostChunkBytes) {
    return cannot_write("hdf5",
                        "a chunk is smaller than 4 GiB (allowed: layout nexus without "
                        "compression)");
  }
  const bool packs =
      request.compression.codec != Codec::kNone && request.compression.codec != Codec::kGzip;
  if (packs) {
    notes.push_back(
        fmt::format("hdf5: other programs need the HDF5 plugin of {} to read it "
                    "(gzip-4 needs none)",
                    to_string(request.compression)));
  }
  return check_layout(layout->name, recording, result, request, notes);
}

std::int64_t estimate_hdf5(const RecordingFacts& recording, const ResultFacts& result,
                           const WriteRequest& request) {
  constexpr std::int64_t kHead = std::int64_t{512} << 10U;
  constexpr std::uint64_t kBytesPerSlice = 512;  // Records, columns, an entry of a chunk's index.
  std::uint64_t bytes = pixel_bytes(result) + result.slices * kBytesPerSlice;
  // The last chunk may be filled up, and packing may add a little to what cannot be packed.
  bytes += std::max(slice_bytes(result), std::uint64_t{1} << 20U);
  if (request.layout == "playnano") {
    for (const LayerFacts& layer : result.layers) bytes += size_bytes(layer.shape) * result.slices;
  }
  for (const AxisFacts& axis : result.axes) bytes += 8 * axis.size;
  return static_cast<std::int64_t>(bytes) + kHead + 2 * text_bytes(recording);
}

Result<std::unique_ptr<DatasetWriter>> create_hdf5(FileSystem& files, const WritePlan& plan) {
  return find_layout(*plan.request)->create(files, plan);
}

Result<void> verify_hdf5(FileSystem& /*files*/, const std::filesystem::path& part,
                         const ResultFacts& result, const WriteRequest& request,
                         std::span<const std::uint32_t> crc32c) {
  const std::string_view layout = find_layout(request)->name;
  const std::string path = pixels_path(layout, request);
  if (layout == "pymodaq" && result.slice.height_px == 1) {  // Lines are vectors there.
    return verify_hdf5_rows(part, path + "/Data1D/CH00/EnlData00", result, crc32c);
  }
  const std::string frames = layout == "pymodaq" ? path + "/Data2D/CH00/EnlData00" : path;
  return verify_hdf5(part, frames, result.type, shape_of(result), crc32c);
}

std::uint64_t slices_per_chunk(std::uint64_t slice_bytes) noexcept {
  constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20U;
  return std::max<std::uint64_t>(1, kChunkBytes / std::max<std::uint64_t>(1, slice_bytes));
}

Hdf5ArraySpec pixels_of(const WritePlan& plan, std::string path) {
  Hdf5ArraySpec spec;
  spec.path = std::move(path);
  spec.type = plan.result->type;
  spec.shape = shape_of(*plan.result);
  spec.inner = std::min<std::size_t>(2, spec.shape.size());
  spec.big_endian = plan.request->big_endian;
  spec.compression = plan.request->compression;
  if (spec.compression.codec != Codec::kNone) {
    spec.chunk_rows = slices_per_chunk(slice_bytes(*plan.result));
  }
  return spec;
}

// https://github.com/ukoethe/vigra: vigranumpy's AxisTags and AxisType.
std::string axistags(const ResultFacts& result) {
  Json axes = Json::array();
  for (const AxisFacts& axis : result.axes) {
    constexpr int kChannels = 1;
    constexpr int kSpace = 2;
    constexpr int kTime = 8;
    std::string key(name_of(axis.axis));
    int flags = kSpace;
    if (axis.axis == Axis::kTime) flags = kTime;
    if (axis.axis == Axis::kChannel) flags = kChannels;
    axes.push_back({{"key", key},
                    {"typeFlags", flags},
                    {"resolution", axis.unit.empty() ? 0.0 : axis.step},
                    {"description", axis.unit}});
  }
  return Json{{"axes", axes}}.dump();
}

std::string axis_units(const ResultFacts& result) {
  Json units = Json::object();
  for (const AxisFacts& axis : result.axes) units[std::string(name_of(axis.axis))] = axis.unit;
  return units.dump();
}

std::string pixels_path(std::string_view layout, const WriteRequest& request) {
  if (layout == "ilastik") {
    return request.dataset.starts_with('/') ? request.dataset : "/" + request.dataset;
  }
  if (layout == "playnano") return "/data";
  if (layout == "quant4d") return "/STEM4D";
  if (layout == "pymodaq") return pymodaq_detector(request);
  return "/entry/instrument/detector/data";
}

void write_root(Hdf5ArrayFile& file, const WritePlan& plan) {
  file.attribute("/", "file_name", plan.final_name);
  file.attribute("/", "file_time", iso_time(plan.export_utc_ns));
  file.attribute("/", "creator", std::string("framelog"));
  file.attribute("/", "creator_version", std::string(program_version()));
}

std::vector<double> scale_of(const AxisFacts& axis) {
  std::vector<double> scale(axis.size);
  for (std::uint64_t i = 0; i < axis.size; ++i) {
    scale[i] = axis.origin + static_cast<double>(i) * axis.step;
  }
  return scale;
}

void ValueRange::add(const FrameStatistics& statistics) noexcept {
  if (!(statistics.min <= statistics.max)) return;
  least_ = any_ ? std::min(least_, statistics.min) : statistics.min;
  most_ = any_ ? std::max(most_, statistics.max) : statistics.max;
  any_ = true;
}

std::vector<double> ValueRange::values() const { return {least_, most_}; }

}  // namespace framelog
