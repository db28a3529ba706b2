#include <array>

#include "command/export_options.hpp"

namespace framelog {
namespace {

constexpr std::array kTable{
    OptionRow{"to", "FORMATS", "Output",
              "one format or several, separated by commas (framelog help export FORMAT)"},
    OptionRow{"output-folder", "DIR", "Output",
              "where the files go, made where it is missing; by default beside the input"},
    OptionRow{"output-name", "TEMPLATE", "Output",
              "name without extension, such as {nickname}_{result_type}; sequences of pictures "
              "need {slice_index}"},
    OptionRow{"on-exists", "fail|rename|skip", "Output",
              "what happens where a file is there already; by default fail"},
    OptionRow{"verify", "", "Output", "read back what was written, which is the default"},
    OptionRow{"no-verify", "", "Output", "do not read back what was written"},
    OptionRow{"layout", "NAME", "Output", "of hdf5: nexus, ilastik, playnano, pymodaq or quant4d"},
    OptionRow{"dataset-name", "NAME", "Output", "of hdf5 in ilastik's layout: exported_data"},
    OptionRow{"compression", "NAME", "Output",
              "of hdf5: none, gzip-0 to gzip-9, lz4, bitshuffle-lz4, zstd-1 to zstd-19; of "
              "ome-tiff: none, "
              "deflate, lzw, zstd"},
    OptionRow{"endian", "little|big", "Output", "byte order of raw and hdf5; by default little"},

    OptionRow{"product", "NAME", "Input", "where a directory holds several products"},
    OptionRow{"run", "RUN", "Input", "of which run, by its number or the beginning of its UUID"},
    OptionRow{"all", "", "Input",
              "every product of every run that the inputs hold, one after "
              "the other"},
    OptionRow{"dataset", "PATH", "Input", "which dataset of a foreign HDF5 file"},
    OptionRow{"input-shape", "NxHxW", "Input",
              "of raw bytes: frames, rows, columns, or scan rows, scan columns, rows, columns; "
              "AxBxCxD in the name is understood"},
    OptionRow{"input-dtype", "TYPE", "Input", "pixel type of raw bytes; by default float32"},

    OptionRow{"cutout", "RANGES", "Part",
              "half-open ranges of indices: \"t=0:100, y=16:112\", of scans sy and sx"},
    OptionRow{"since", "TIME", "Part",
              "frames from this time on: \"2026-11-21 16:00\", \"2 h ago\""},
    OptionRow{"until", "TIME", "Part", "frames before this time"},
    OptionRow{"every", "N", "Part", "each N-th frame"},
    OptionRow{"subsample", "sy=N,sx=N", "Part", "each N-th line and point of a scan"},

    OptionRow{"bin", "RxC", "Values", "rows and columns that become one pixel"},
    OptionRow{"bin-mode", "sum|mean", "Values", "how; by default sum"},
    OptionRow{"process", "STEPS", "Values",
              "filters, separated by semicolons: \"remove_plane; gaussian sigma=1.5\""},
    OptionRow{"raw", "", "Values", "of a bundle only what was recorded, without processed layers"},
    OptionRow{"mask", "FILE", "Values", "an image: where it is not 0, pixels become NaN, or 0"},
    OptionRow{"renormalise", "RANGES", "Values",
              "\"0, 4095 -> 0, 255\": rounded, and saturated where the pixel type ends"},
    OptionRow{"compat", "ilastik", "Values", "renormalise as ilastik does: truncated, wrapping"},
    OptionRow{"dtype", "TYPE", "Values",
              "uint8 int8 uint16 int16 uint32 int32 uint64 float32 "
              "float64"},
    OptionRow{"saturate", "", "Values", "values that do not fit the type are clipped and counted"},
    OptionRow{"axes", "ORDER", "Values", "slowest first: tyx, xyt, tzyxc or sy,sx,y,x"},
    OptionRow{"flat", "", "Values", "the frames of a scan as they came in time"},

    OptionRow{"projection", "max|min|mean|std|sum", "Images", "one picture of all frames"},
    OptionRow{"kymograph", "y=N|x=N", "Images",
              "row or column N of each frame; y=N:M averages rows N to M"},
    OptionRow{"contact-sheet", "[=COLUMNS]", "Images", "small pictures beside each other"},
    OptionRow{"list-images", "", "Images", "the images that a scan can give"},
    OptionRow{"image", "NAMES", "Images", "which of them, separated by commas, or all", true},
    OptionRow{"detector", "SPECS", "Images",
              "virtual detectors: \"BF disc outer=12; ADF annulus inner=20 outer=40\"", true},
    OptionRow{
        "images", "raw|displayed|both", "Images",
        "values as they are, or with contrast, colours and drawing; of scans both by default"},
    OptionRow{"composite", "LAYERS", "Images",
              "products on top of each other: bright=red,dark=blue"},

    OptionRow{"colour-map", "NAME", "Picture",
              "gray, afmhot, viridis, magma, inferno, plasma or cividis"},
    OptionRow{"color-map", "NAME", "Picture", "the same"},
    OptionRow{"contrast", "HOW", "Picture",
              "auto (of all frames), per-frame, percentile, none, or \"MIN, MAX\""},
    OptionRow{"zmin", "N|auto|percentile", "Picture", "what is black"},
    OptionRow{"zmax", "N|auto|percentile", "Picture", "what is white"},
    OptionRow{"timestamps", "", "Picture", "draw the time of each frame"},
    OptionRow{"scale-bar", "[=LENGTH]", "Picture", "draw one, such as --scale-bar=\"100 nm\""},
    OptionRow{"scale-bar-nm", "N", "Picture", "draw one of N nm"},
    OptionRow{"pixel-size", "LENGTH", "Picture", "in place of the recording's: \"0.65 um\""},
    OptionRow{"outlines", "", "Picture", "draw detectors and regions"},
    OptionRow{"ticks", "", "Picture", "draw axes with units around the picture"},
    OptionRow{"title", "TEXT", "Picture", "draw a title"},
    OptionRow{"ink", "COLOUR", "Picture", "of what is drawn: white, black, yellow, #ff8000"},
    OptionRow{"dpi", "N", "Picture", "dots per inch that the file tells"},
    OptionRow{"zoom", "N", "Picture", "dots of the picture for each pixel"},
    OptionRow{"jpeg-quality", "N", "Picture", "1 to 100; by default 90"},
    OptionRow{"preview", "FILE.png", "Picture", "only one frame of the result, with the regions"},

    OptionRow{"fps", "N", "Movie", "frames per second; by default the recording's times, else 10"},
    OptionRow{"initial-time", "N", "Movie",
              "time stamps count from here, in place of the recording's"},
    OptionRow{"time-step", "N", "Movie", "what they grow by for each frame"},
    OptionRow{"time-unit", "TEXT", "Movie", "their unit; by default s"},
    OptionRow{"movie-quality", "N", "Movie", "1 to 63, smaller is better"},
    OptionRow{"zip-of", "FORMAT", "Movie", "the pictures in a zip: png, tif, jpg, ..."},

    OptionRow{"dry-run", "", "Work", "what would be written, and nothing else"},
    OptionRow{"jobs", "FILE", "Work", "exports, one a line, with paths as seen from the file"},
    OptionRow{"split", "N", "Work", "N files of jobs, segment by segment, instead of the export"},
    OptionRow{"delete", "", "Work", "removes what this export has written before"},
    OptionRow{"yes", "", "Work", "do not ask"},
    OptionRow{"memory", "SIZE", "Work", "to be used at most; by default 256 MiB"},
    OptionRow{"json", "", "Work", "print JSON"},
    OptionRow{"help", "", "Work", "print this"},
};

}  // namespace

std::span<const OptionRow> export_options() noexcept { return kTable; }

}  // namespace framelog
