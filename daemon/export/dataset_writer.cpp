#include "export/dataset_writer.hpp"

#include <algorithm>
#include <array>

#include "export/write_tables.hpp"

namespace framelog {
namespace {

constexpr std::array<std::string_view, 5> kHdf5Layouts{"nexus", "ilastik", "playnano", "pymodaq",
                                                       "quant4d"};
constexpr std::array<std::string_view, 2> kRawCompanions{".json", ".frames"};

constexpr std::array<DatasetFormat, 7> kFormats{{
    {.name = "hdf5",
     .extension = ".h5",
     .help = "HDF5, in the layout of NeXus, ilastik, playNano, PyMoDAQ or Quant4D",
     .manual =
         "Layouts: nexus (default) has pixels, times, statistics, calibration, events and\n"
         "provenance as recordings have them; ilastik is one dataset (--dataset-name) with\n"
         "axistags, axis_units and drange; playnano is a bundle with processed layers and\n"
         "masks; pymodaq has frames, lines and statistics as growing arrays, and several runs as\n"
         "Scan000, Scan001 ...; quant4d is /STEM4D with a pattern in each chunk.\n"
         "Compression: none, gzip-0 to gzip-9, lz4, bitshuffle-lz4, zstd-1 to zstd-19.\n"
         "Example: framelog export run.h5 --to hdf5 --layout ilastik --compression gzip-4",
     .layouts = kHdf5Layouts,
     .keeps_layers = true,
     .codecs = kHdf5Codecs,
     .big_endian = true,
     .companions = {},
     .check = check_hdf5,
     .estimate = estimate_hdf5,
     .create = create_hdf5,
     .verify = verify_hdf5},
    {.name = "raw",
     .extension = ".raw",
     .help = "pixels alone, rows and frames in order; .json and .frames beside it",
     .manual =
         "NAME.raw has pixels and nothing else, little-endian or with --endian big; NAME.json\n"
         "describes it, with a line of Python that reads it, and NAME.frames has the records of\n"
         "the frames. Quant4D takes the shape from AxBxCxD in the name (x and y of the pattern,\n"
         "then of the scan), and 4-byte little-endian pixels unless it is told otherwise.\n"
         "Example: framelog export run.h5 --to raw --dtype float32",
     .layouts = {},
     .keeps_layers = false,
     .codecs = {},
     .big_endian = true,
     .companions = kRawCompanions,
     .check = check_raw,
     .estimate = estimate_raw,
     .create = create_raw,
     .verify = verify_raw},
    {.name = "npy",
     .extension = ".npy",
     .help = "one NumPy array",
     .manual =
         "NPY 1.0 in C order, of any number of axes: numpy.load(NAME.npy, mmap_mode='r'). It has\n"
         "no room for times, calibration and provenance; npz has.\n"
         "Example: framelog export run.h5 --to npy --axes xyt",
     .layouts = {},
     .keeps_layers = false,
     .codecs = {},
     .big_endian = true,
     .companions = {},
     .check = check_npy,
     .estimate = estimate_npy,
     .create = create_npy,
     .verify = verify_npy},
    {.name = "npz",
     .extension = ".npz",
     .help = "NumPy arrays in a zip: playNano's bundle",
     .manual =
         "data, timestamps, pixel_size_nm, channel, frame_metadata_json, provenance_json, and\n"
         "processed__* and masks__* where there are such layers; not packed, no pickles.\n"
         "Example: framelog export run.h5 --to npz --process \"remove_plane; flatten order=2\"",
     .layouts = {},
     .keeps_layers = true,
     .codecs = {},
     .big_endian = false,
     .companions = {},
     .check = check_npz,
     .estimate = estimate_npz,
     .create = create_npz,
     .verify = verify_npz},
    {.name = "ome-tiff",
     .extension = ".ome.tif",
     .help = "a stack with OME-XML; BigTIFF beyond 4 GB",
     .manual =
         "The 2016-06 schema in the order TCZYX, one page for each frame, with PhysicalSize in\n"
         "micrometres, DeltaT of each frame and the provenance in tag 65000; the points of a scan\n"
         "become frames. Compression: none, deflate, lzw, zstd.\n"
         "Example: framelog export run.h5 --to ome-tiff --compression deflate",
     .layouts = {},
     .keeps_layers = false,
     .codecs = kTiffCodecs,
     .big_endian = false,
     .companions = {},
     .check = check_ome_tiff,
     .estimate = estimate_ome_tiff,
     .create = create_ome_tiff,
     .verify = verify_ome_tiff},
    {.name = "imagej-tiff",
     .extension = ".tif",
     .help = "a stack that ImageJ opens as time; at most 4 GB",
     .manual = "ImageJ's own description: frames in time with their interval, pixel size in\n"
               "micrometres. ImageJ opens no BigTIFF, so that larger stacks are refused.\n"
               "Example: framelog export run.h5 --to imagej-tiff --bin 2x2",
     .layouts = {},
     .keeps_layers = false,
     .codecs = {},
     .big_endian = false,
     .companions = {},
     .check = check_imagej_tiff,
     .estimate = estimate_imagej_tiff,
     .create = create_imagej_tiff,
     .verify = verify_imagej_tiff},
    {.name = "csv",
     .extension = ".csv",
     .help = "a table of the frames: numbers, times, statistics, sums of detectors; no pixels",
     .manual =
         "A row for each frame. The first row has the names, with units in brackets: slice, the\n"
         "axes, frame, sequence, source_sequence, time [s] (since the first frame), utc, utc_ns,\n"
         "monotonic_ns, exposure [s], gpio, flags, lost_before, accumulated, min, max, mean, std,\n"
         "sum (of the exported pixels), saturated, clipped, missing, and the sums of detectors.\n"
         "What is not known is empty. RFC 4180, UTF-8.\n"
         "Example: framelog export run.h5 --to csv",
     .layouts = {},
     .keeps_layers = false,
     .codecs = {},
     .big_endian = false,
     .companions = {},
     .check = check_csv,
     .estimate = estimate_csv,
     .create = create_csv,
     .verify = nullptr},
}};

}  // namespace

Result<void> DatasetWriter::next_run(const ResultEnd& /*end*/, const WritePlan& plan) {
  return fail(ErrorCode::kUnsupported, "holds one recording only:", plan.final_name);
}

std::span<const DatasetFormat> dataset_formats() noexcept { return kFormats; }

const DatasetFormat* find_dataset_format(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kFormats, name, &DatasetFormat::name);
  return found == kFormats.end() ? nullptr : found;
}

bool keeps_layers(const DatasetFormat& format, const WriteRequest& request) noexcept {
  return format.keeps_layers && (format.name != "hdf5" || request.layout == "playnano");
}

std::int64_t text_bytes(const RecordingFacts& recording) noexcept {
  constexpr std::size_t kOtherTexts = std::size_t{256} << 10U;
  std::size_t bytes = kOtherTexts + recording.configuration.size();
  for (const std::string& one : recording.provenances) bytes += 2 * one.size();
  bytes += 512 * (recording.inputs.size() + recording.gaps.size() + recording.events.size());
  return static_cast<std::int64_t>(bytes);
}

}  // namespace framelog
