#pragma once

#include <string>

#include "formats/hdf5_paging.hpp"
#include "formats/hdf5_tree.hpp"
#include "formats/segment.hpp"

/// Private to the hdf5_*.cpp files of this folder: where things are in a segment, in the NeXus
/// layout (https://manual.nexusformat.org, NXentry, NXdetector, NXdata, NXprocess).
namespace framelog::hdf5 {

inline const std::string kEntry = "/entry";
inline const std::string kDetector = "/entry/instrument/detector";
inline const std::string kData = kDetector + "/data";
inline const std::string kReadout = kDetector + "/readout";
inline const std::string kValid = kReadout + "/valid";
inline const std::string kSynced = kReadout + "/synced";
inline const std::string kFrameTable = kReadout + "/frame_table";
inline const std::string kGaps = kReadout + "/gaps";
inline const std::string kAccounting = kReadout + "/accounting";
inline const std::string kClock = kReadout + "/clock";
inline const std::string kDataGroup = "/entry/data";
inline const std::string kTime = "/entry/data/time";
inline const std::string kStatistics = "/entry/statistics";
inline const std::string kDetectors = "/entry/virtual_detectors";
inline const std::string kScanShape = kReadout + "/scan_shape_yx";
inline const std::string kScanFlyback = kReadout + "/scan_flyback";
inline const std::string kScanFirst = kReadout + "/scan_first_number";
inline const std::string kEnvironment = "/entry/environment";
inline const std::string kLines = "/entry/lines";
inline const std::string kProvenance = "/entry/provenance";

/// Compound types as they lie on disk.
[[nodiscard]] Handle frame_record_type();
struct GapRow {
  std::int64_t after_sequence;
  std::int64_t frames;
  std::int64_t duration_ns;
  char stage[16];
  char reason[24];
};
[[nodiscard]] Handle gap_type();
/// The columns of `accounting`: one unsigned 64-bit number each, dropped and lost ones by their
/// reason.
[[nodiscard]] std::vector<std::string> accounting_columns();
[[nodiscard]] Handle accounting_type();
[[nodiscard]] std::vector<std::uint64_t> accounting_values(const Accounting& accounting);
[[nodiscard]] Accounting accounting_from(std::span<const std::uint64_t> values);

/// Dimensions of a dataset; empty when it is not there.
[[nodiscard]] std::vector<hsize_t> dimensions(hid_t file, const std::string& path);
/// Address of the chunk that holds element `first` (of dimension 0) of a chunked dataset.
[[nodiscard]] Result<std::int64_t> chunk_address(hid_t dataset, hsize_t first, int rank);

/// Writes all that is known before the first frame, the tables, and last the pixel dataset. With
/// compression `paging` is empty, and neither tables nor pixels are allocated.
void write_description(Tree& tree, const SegmentDescription& description, const Paging& paging);

/// Reads what write_description() has written, but for the configuration's origins, steps and
/// lines.
[[nodiscard]] SegmentDescription read_description(hid_t file);

[[nodiscard]] std::string detector_path(const std::string& name);
/// The detectors with their empty series, and the shape of the scan.
void write_detectors(Tree& tree, const SegmentDescription& description, const Paging& paging);
/// None where there is none, or none that makes sense.
[[nodiscard]] std::optional<Scan> read_scan(hid_t file);
/// Names of the detectors, in their order.
[[nodiscard]] std::vector<std::string> detector_names(hid_t file);
[[nodiscard]] Result<std::vector<double>> read_series(hid_t file, const std::string& detector,
                                                      std::int64_t count);
/// Scans of which a segment of so many frames can have images; space is reserved for as many.
[[nodiscard]] inline std::uint64_t most_scans(const Scan& scan, std::uint64_t frames) noexcept {
  return frames / scan.points() + 2;
}
/// The end of a segment: sums that are not those of their frame's record become NaN, and with a
/// scan the series become images, with NaN where no frame is.
void complete_detectors(Tree& tree, const std::vector<FrameRecord>& records);

using Thumbnail = std::vector<std::byte>;  ///< A PNG; empty: none could be made.
struct Thumbnails {
  Thumbnail first;
  Thumbnail last;
};
/// Of the first and the last of `frames`. A picture that cannot be made is no reason to fail.
[[nodiscard]] Thumbnails make_thumbnails(SegmentReader& reader, std::int64_t frames);
void write_thumbnails(Tree& tree, const Thumbnails& thumbnails);

/// What a segment gets at its end; borrowed for the call.
struct Ending {
  const std::vector<FrameRecord>& records;
  const Thumbnails& thumbnails;
  std::int64_t run_start_monotonic_ns;
  std::int64_t run_start_utc_ns;
  const SegmentEnd& end;
};
/// Writes it into a file of which the datasets have as many rows as there are records.
void write_ending(Tree& tree, const Ending& ending);

/// One column that grows with the frames, allocated in full. Without rows per chunk it is in one
/// piece, and allocated when it is first written.
void write_growing(Tree& tree, const std::string& path, hid_t type, std::int64_t capacity,
                   std::int64_t rows_per_chunk);

/// Those of a codec. Optional, so that the library creates the dataset where it does not have the
/// filter.
void set_filters(hid_t properties, const Compression& compression, std::size_t element_bytes);

/// Groups, datasets with shape and type, attributes and short values, one a line, indented by
/// depth.
[[nodiscard]] Result<std::string> describe_tree(hid_t file);

}  // namespace framelog::hdf5
