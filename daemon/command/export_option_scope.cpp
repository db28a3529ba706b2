// What each option of an export is about, so that none is left out silently.

#include "command/export_reader.hpp"
#include "export/export_shares.hpp"

namespace framelog {
namespace {

using Kind = ViewRequest::Kind;

constexpr std::string_view kVerified = "hdf5 raw npy npz ome-tiff imagej-tiff";
constexpr std::string_view kStill =
    "hdf5 raw npy npz ome-tiff imagej-tiff csv png tif jpg bmp pgm ppm";
constexpr std::string_view kPictures = "png tif jpg bmp pgm ppm";
constexpr std::string_view kShown = "png tif jpg bmp pgm ppm gif webm mp4 zip";
constexpr std::string_view kColoured = "png tif jpg bmp ppm gif webm mp4";
constexpr std::string_view kResolved = "png tif jpg bmp";
constexpr std::string_view kKeepsValues = "png tif pgm";

struct Scope {
  std::string_view option;
  std::string_view formats;  ///< Of these one has to be there.
  bool is_of_pictures{};     ///< The pictures in a zip count, too.
};

constexpr std::array kScopes{
    Scope{"verify", kVerified},
    Scope{"layout", "hdf5"},
    Scope{"dataset-name", "hdf5"},
    Scope{"compression", "hdf5 ome-tiff"},
    Scope{"endian", "raw hdf5"},
    Scope{"projection", kStill},
    Scope{"kymograph", kStill},
    Scope{"image", kStill},
    Scope{"contact-sheet", kPictures},
    Scope{"composite", kColoured, true},
    Scope{"images", kShown},
    Scope{"colour-map", kShown},
    Scope{"color-map", kShown},
    Scope{"contrast", kShown},
    Scope{"zmin", kShown},
    Scope{"zmax", kShown},
    Scope{"timestamps", kShown},
    Scope{"scale-bar", kShown},
    Scope{"scale-bar-nm", kShown},
    Scope{"pixel-size", kShown},
    Scope{"outlines", kColoured, true},
    Scope{"ticks", kShown},
    Scope{"title", kShown},
    Scope{"ink", kShown},
    Scope{"dpi", kResolved, true},
    Scope{"zoom", kShown},
    Scope{"jpeg-quality", "jpg", true},
    Scope{"fps", "gif webm mp4"},
    Scope{"initial-time", kShown},
    Scope{"time-step", kShown},
    Scope{"time-unit", kShown},
    Scope{"movie-quality", "webm mp4"},
    Scope{"zip-of", "zip"},
};

bool is_one_of(std::string_view name, std::string_view formats) {
  const auto all = split(formats, ' ');
  return std::ranges::find(all, name) != all.end();
}

}  // namespace

std::vector<std::string> ExportReader::formats_meant() const {
  std::vector<std::string> formats = formats_of(call_.request);
  if (!call_.preview.empty()) formats.emplace_back("png");
  return formats;
}

void ExportReader::need_format(std::string_view option, std::string_view allowed,
                               bool is_of_pictures, std::string_view value) {
  const auto formats = formats_meant();
  if (!given_.has(option) || formats.empty()) return;
  std::vector<std::string> others;
  bool is_there = false;
  bool is_grey = false;
  for (const std::string& format : formats) {
    const bool is_inside = is_of_pictures && format == "zip";
    const std::string& kept = is_inside ? call_.request.movie.zip_of : format;
    if (is_one_of(kept, allowed)) {
      is_there = true;
      continue;
    }
    // What is no format at all is told of by itself.
    if (!is_one_of(format, kStill) && !is_one_of(format, kShown)) return;
    is_grey = is_grey || kept == "pgm";
    others.push_back(is_inside ? "zip of " + kept : format);
  }
  // What is displayed in grey has no place for a colour, whatever is written beside it.
  const bool is_lost = allowed == kColoured && is_grey && call_.request.images != ImageValues::kRaw;
  if (is_there && !is_lost) return;
  if (is_there) others = {"pgm"};
  refuse(option, fmt::format("{}is not for {} (allowed: {}{})", value, fmt::join(others, ", "),
                             fmt::join(split(allowed, ' '), ", "),
                             is_of_pictures ? ", or a zip of such" : ""));
}

void ExportReader::need(std::string_view option, bool is_there, std::string_view what) {
  if (given_.has(option) && !is_there) refuse(option, fmt::format("is about {}", what));
}

void ExportReader::refuse_other_formats() {
  for (const Scope& scope : kScopes) {
    need_format(scope.option, scope.formats, scope.is_of_pictures, "");
  }
  for (const char* option : {"colour-map", "color-map"}) {
    if (request().picture.colour_map != ColourMap::kGray) {
      need_format(option, kColoured, true, given_.text(option) + " ");
    }
  }
  const Rgb ink = request().picture.ink;
  if (ink.red != ink.green || ink.red != ink.blue) {
    need_format("ink", kColoured, true, given_.text("ink") + " ");
  }
  if (request().images == ImageValues::kRaw) need_format("images", kKeepsValues, true, "raw ");
  if (request().images == ImageValues::kBoth) need_format("images", kKeepsValues, false, "both ");
}

bool ExportReader::any_is_displayed() const {
  return !call_.preview.empty() ||
         std::ranges::any_of(call_.request.formats, [this](const std::string& format) {
           const std::string& kept = format == "zip" ? call_.request.movie.zip_of : format;
           return is_one_of(format, kShown) && !is_one_of(kept, kKeepsValues);
         });
}

void ExportReader::refuse_unmeant() {
  refuse_other_formats();
  if (call_.list_images) return refuse_beside("list-images");
  if (!call_.preview.empty()) refuse_beside("preview");
  const Kind kind = request().view.kind;
  need("dataset-name", request().write.layout == "ilastik", "--layout ilastik, which is not there");
  const bool has_frames = kind == Kind::kFrames || kind == Kind::kContactSheet;
  for (const char* option : {"timestamps", "initial-time", "time-step", "time-unit"}) {
    need(option, has_frames, "frames, not one picture of them");
  }
  need("outlines", kind != Kind::kKymograph, "frames and images, not lines of them");
  const bool is_shown = request().images != ImageValues::kRaw || any_is_displayed();
  for (const char* option :
       {"colour-map", "color-map", "contrast", "zmin", "zmax", "timestamps", "scale-bar",
        "scale-bar-nm", "outlines", "ticks", "title", "ink", "zoom", "initial-time", "time-step"}) {
    need(option, is_shown, "pictures as displayed (--images displayed or both)");
  }
  const PictureRequest& picture = request().picture;
  // Previews and whole frames of snapshots have their regions outlined.
  const bool has_outlines = picture.outlines || !call_.preview.empty() || given_.has("whole");
  need("pixel-size", picture.scale_bar.shown || picture.axes,
       "--scale-bar and --ticks, which are not there");
  need("ink",
       picture.timestamps || picture.scale_bar.shown || has_outlines || picture.axes ||
           !picture.title.empty(),
       "what is drawn: --timestamps, --scale-bar, --outlines, --ticks, --title");
  need("detector", kind == Kind::kImages || has_outlines,
       "--image, --outlines, --list-images and --preview, which are not there");
}

void ExportReader::refuse_beside(std::string_view option) {
  constexpr std::string_view kOfLists[] = {"list-images", "detector",    "product",     "run",
                                           "dataset",     "input-shape", "input-dtype", "json",
                                           "memory",      "all"};
  constexpr std::string_view kNotOfPreviews[] = {"delete", "dry-run", "json", "split"};
  const bool lists = option == "list-images";
  for (const OptionRow& row : export_options()) {
    const bool stands =
        lists ? std::ranges::find(kOfLists, row.name) != std::end(kOfLists)
              : std::ranges::find(kNotOfPreviews, row.name) == std::end(kNotOfPreviews);
    if (!stands && given_.has(row.name)) {
      refuse(row.name, fmt::format("is not for --{}, which writes {}", option,
                                   lists ? "nothing" : "one picture"));
    }
  }
}

}  // namespace framelog
