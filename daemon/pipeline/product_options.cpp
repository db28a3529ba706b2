#include <array>

#include "pipeline/options.hpp"

namespace framelog {
namespace {

using enum OptionType;

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kTiB = kMiB * kMiB;
constexpr double kDay = 24 * 3600.0;
constexpr double kMostFrames = 1e9;
constexpr double kMostAccumulatedFrames = 65535;

constexpr std::array kOptions{
    OptionSpec{.section = "product.*",
               .key = "roi",
               .type = kRegion,
               .help = "The region of interest in source pixels; by default the whole frame."},
    OptionSpec{.section = "product.*",
               .key = "bin",
               .type = kBinning,
               .help = "Source pixels that become one pixel; by default no binning."},
    OptionSpec{.section = "product.*",
               .key = "bin_mode",
               .type = kChoice,
               .default_text = "sum",
               .allowed = "sum mean",
               .help = "What the pixels of a bin become."},
    OptionSpec{.section = "product.*",
               .key = "dark",
               .type = kPath,
               .allowed = "an image file, or FILE::DATASET",
               .help = "What the detector shows without light; subtracted. Of several frames the "
                       "mean."},
    OptionSpec{.section = "product.*",
               .key = "flat",
               .type = kPath,
               .allowed = "an image file, or FILE::DATASET",
               .help =
                   "What the detector shows of even light, as recorded; pixels are divided by it "
                   "(less the dark). Of several frames the mean."},
    OptionSpec{.section = "product.*",
               .key = "bad_pixels",
               .type = kPath,
               .allowed = "an image file, or FILE::DATASET",
               .help = "Pixels that are not 0 in it become the median of their good neighbours."},
    OptionSpec{.section = "product.*",
               .key = "keep_every",
               .type = kInteger,
               .default_text = "1",
               .help = "Keep each n-th frame.",
               .least = 1,
               .most = kMostFrames},
    OptionSpec{.section = "product.*",
               .key = "accumulate",
               .type = kInteger,
               .default_text = "1",
               .help = "Frames that become one; fewer before a gap, at a roll and at the end.",
               .least = 1,
               .most = kMostAccumulatedFrames},
    OptionSpec{.section = "product.*",
               .key = "accumulate_mode",
               .type = kChoice,
               .default_text = "sum",
               .allowed = "sum mean",
               .help = "What accumulated frames become."},
    OptionSpec{.section = "product.*",
               .key = "dtype",
               .type = kPixelType,
               .help =
                   "Type of the recorded pixels; by default one that holds every value. What does "
                   "not fit saturates and is counted."},
    OptionSpec{.section = "product.*",
               .key = "renormalise",
               .type = kText,
               .allowed = "min, max -> min, max such as 0, 4095 -> 0, 255",
               .help = "Map one range of values linearly onto another; what lies outside goes on "
                       "beyond it, and saturates where the pixel type ends."},
    OptionSpec{.section = "product.*",
               .key = "detectors",
               .type = kList,
               .help = "Virtual detectors that are summed in each frame: names of [detector.NAME] "
                       "sections."},
    OptionSpec{.section = "product.*",
               .key = "format",
               .type = kChoice,
               .default_text = "hdf5",
               .allowed = "hdf5 raw tiff imagej-tiff none",
               .help = "The files that are written; none only counts the frames."},
    OptionSpec{.section = "product.*",
               .key = "compression",
               .type = kText,
               .default_text = "none",
               .allowed = "none; hdf5: gzip-0 to gzip-9, lz4, bitshuffle-lz4, zstd-1 to zstd-19; "
                          "tiff: deflate, lzw, zstd",
               .help = "How the pixels are packed, by the reduce threads. gzip can be read "
                       "everywhere, the others of hdf5 need plugins."},
    OptionSpec{.section = "product.*",
               .key = "endian",
               .type = kChoice,
               .default_text = "little",
               .allowed = "little big",
               .help = "Byte order of raw files."},
    OptionSpec{.section = "product.*",
               .key = "template",
               .type = kText,
               .allowed = "a name template",
               .help = "Name of a segment below the base, for this product."},
    OptionSpec{.section = "product.*",
               .key = "base",
               .type = kPath,
               .allowed = "a directory",
               .help = "Where the files of this product go."},
    OptionSpec{.section = "product.*",
               .key = "max_size",
               .type = kSize,
               .help = "A segment of this product ends at this size.",
               .least = kMiB,
               .most = 16 * kTiB},
    OptionSpec{.section = "product.*",
               .key = "max_duration",
               .type = kDuration,
               .help = "A segment of this product ends after this time.",
               .least = 1,
               .most = 31 * kDay},
    OptionSpec{.section = "product.*",
               .key = "max_frames",
               .type = kInteger,
               .help = "A segment of this product ends after so many frames.",
               .words = "unlimited",
               .least = 1,
               .most = kMostFrames},
    OptionSpec{.section = "product.*",
               .key = "align",
               .type = kChoice,
               .allowed = "none hour day scan",
               .help =
                   "A segment of this product ends at full hours or at midnight, local time, or "
                   "with each scan."},

    OptionSpec{.section = "detector.*",
               .key = "shape",
               .type = kChoice,
               .allowed = "disc annulus rectangle mask",
               .help = "The area that is summed."},
    OptionSpec{.section = "detector.*",
               .key = "center",
               .type = kLengths,
               .help = "Centre of a disc or annulus in source pixels (px) or the unit of "
                       "instrument.pixel_size: y, x; by default the middle of the frame.",
               .least = 0},
    OptionSpec{.section = "detector.*",
               .key = "inner",
               .type = kLengths,
               .help = "Inner radius of an annulus.",
               .least = 0},
    OptionSpec{.section = "detector.*",
               .key = "outer",
               .type = kLengths,
               .help = "Outer radius of a disc or annulus."},
    OptionSpec{.section = "detector.*",
               .key = "roi",
               .type = kRegion,
               .help = "A rectangle, in source pixels."},
    OptionSpec{.section = "detector.*",
               .key = "file",
               .type = kPath,
               .allowed = "an image file, or FILE::DATASET",
               .help = "A mask of the source frame's size; pixels that are not 0 are summed."},
};

}  // namespace

std::span<const OptionSpec> product_options() noexcept { return kOptions; }

}  // namespace framelog
