#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/frame.hpp"
#include "export/axes.hpp"
#include "formats/compression.hpp"
#include "formats/raw_file.hpp"
#include "reduce/detector.hpp"
#include "reduce/plan.hpp"

namespace framelog {

/// Which recordings, and how those are to be read that do not describe themselves.
struct InputRequest {
  /// Segments, directories, master files, foreign files and patterns.
  std::vector<std::filesystem::path> paths;
  std::optional<RawGeometry> geometry;
  std::string dataset;  ///< In a foreign HDF5 file; empty: the one that it means.
  std::string product;  ///< Where a directory holds several; empty: the only one.
  std::string run;      ///< Number or beginning of the UUID, likewise.
  /// What was left out when these were found among others: notes for the user.
  std::vector<std::string> left_out;
};

/// One step of --process: "gaussian sigma=1.5".
struct FilterStep {
  std::string name;
  std::vector<std::pair<std::string, double>> parameters;
  friend bool operator==(const FilterStep&, const FilterStep&) = default;
};

/// What is made of the frames, in this order: cut (t, sy, sx, y, x), time range, every, subsample,
/// bin, filters, mask, renormalise, dtype, axes.
struct TransformRequest {
  std::vector<AxisCut> cutout;
  std::optional<std::int64_t> since_utc_ns, until_utc_ns;  ///< Frames in [since, until).
  std::uint64_t every{1};                                  ///< Each n-th frame of what is left.
  std::uint32_t subsample_sy{1}, subsample_sx{1};          ///< Each n-th point of a scan.
  Binning bin;
  BinMode bin_mode{BinMode::kSum};
  std::vector<FilterStep> filters;
  bool raw_only{};             ///< --raw: of a bundle or of filters, only what was recorded.
  std::filesystem::path mask;  ///< Pixels of the source that become `masked_value`.
  std::optional<Renormalisation> renormalise;
  bool truncate{};  ///< --compat ilastik: truncated and wrapping, as ilastik does.
  std::optional<PixelType> dtype;
  bool saturate{};  ///< Values that do not fit are clipped and counted; else an error.
  /// Layers go along with their frames; false where nobody writes them.
  bool keeps_layers{true};
  std::vector<Axis> axes;  ///< Empty: (t, y, x), or (sy, sx, y, x), as the recording has them.
  bool flat{};             ///< A scan's frames as (t, y, x).
};

/// A picture of the whole recording in place of its frames.
struct ViewRequest {
  enum class Kind : std::uint8_t {
    kFrames,
    kProjection,  ///< Over t: `mode`.
    kKymograph,   ///< `line` of each frame below each other.
    kContactSheet,
    kImages,  ///< Of a scan: `images`.
  };
  enum class Mode : std::uint8_t { kMax, kMin, kMean, kStd, kSum };
  Kind kind{Kind::kFrames};
  Mode mode{Mode::kMax};
  /// Of a kymograph: row (y) or column (x) of the result's frame, and how many are averaged.
  Axis across{Axis::kY};
  std::uint64_t line{};
  std::uint64_t line_width{1};
  std::uint32_t columns{};  ///< Of a contact sheet; 0: about as wide as high.
  /// Names of --list-images: a detector's, "sum", "mean", "pattern_SY_SX"; empty: all.
  std::vector<std::string> images;
  std::vector<DetectorSpec> detectors;  ///< Beside those of the recording.
};

enum class ColourMap : std::uint8_t {
  kGray,
  kAfmhot,
  kViridis,
  kMagma,
  kInferno,
  kPlasma,
  kCividis
};

/// From values to brightness.
struct ContrastRequest {
  enum class Kind : std::uint8_t {
    kAuto,        ///< Minimum and maximum of the whole stack.
    kPerFrame,    ///< Of each frame.
    kPercentile,  ///< 1st and 99th of the whole stack, or those given.
    kValues,      ///< zmin and zmax, either of which may be automatic.
    kNone,        ///< As they are; only what fits 8 (or 16) bits.
  };
  Kind kind{Kind::kAuto};
  std::optional<double> zmin, zmax;
  double low_percentile{1}, high_percentile{99};
};

struct ScaleBarRequest {
  bool shown{};
  std::optional<double> length;  ///< In `unit`; none: automatic.
  std::string unit{"nm"};
};

struct Rgb {
  std::uint8_t red{}, green{}, blue{};
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

/// How frames become pictures.
struct PictureRequest {
  bool raw_values{};  ///< --images raw: pixels as they are, without contrast, map and drawing.
  ColourMap colour_map{ColourMap::kGray};
  ContrastRequest contrast;
  bool timestamps{};
  bool outlines{};  ///< Detectors and regions of interest.
  bool axes{};      ///< Ticks with units around the picture.
  std::string title;
  ScaleBarRequest scale_bar;
  Rgb ink{255, 255, 255};            ///< Of annotations; outlined, so that they show on everything.
  std::optional<double> dpi;         ///< Resolution that the file tells; 0 < dpi.
  std::optional<double> zoom;        ///< Output pixels per pixel; whole or a fraction.
  std::optional<double> pixel_size;  ///< Overrides the recording's, in `pixel_unit`.
  std::string pixel_unit{"nm"};
  int jpeg_quality{90};
};

struct MovieRequest {
  std::optional<double> fps;  ///< None: the recording's times, else 10.
  /// Time stamps in place of the recording's.
  std::optional<double> initial_time, time_step;
  std::string time_unit{"s"};
  double quality{};  ///< 0: the format's default; 1 to 63, smaller is better.
  std::string zip_of{"png"};
};

/// What a file is like, where its format leaves a choice.
struct WriteRequest {
  std::string layout;  ///< HDF5: nexus, ilastik, playnano, pymodaq, quant4d.
  std::string dataset{"exported_data"};
  Compression compression;
  bool big_endian{};
  /// HDF5, pymodaq: several recordings become Scan000, Scan001 ... of one file; see
  /// DatasetWriter::next_run().
  std::uint32_t run{};
  std::uint32_t runs{1};
};

}  // namespace framelog
