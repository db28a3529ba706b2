// What export's options say of pictures, movies and the work itself.

#include <cmath>

#include "command/export_reader.hpp"
#include "core/quantity.hpp"

namespace framelog {
namespace {

using Kind = ViewRequest::Kind;

}  // namespace

void ExportReader::read_images() {
  ViewRequest& view = request().view;
  for (const char* option : {"projection", "kymograph", "contact-sheet", "image"}) {
    if (!given_.has(option)) continue;
    if (view.kind != Kind::kFrames) {
      return refuse(option, "excludes the other ways to make one picture of a recording");
    }
    view.kind = option == std::string_view("projection")      ? Kind::kProjection
                : option == std::string_view("kymograph")     ? Kind::kKymograph
                : option == std::string_view("contact-sheet") ? Kind::kContactSheet
                                                              : Kind::kImages;
  }
  constexpr std::array<std::string_view, 5> kModes{"max", "min", "mean", "std", "sum"};
  view.mode = static_cast<ViewRequest::Mode>(choice("projection", kModes));
  if (given_.has("kymograph")) read_kymograph();
  if (!given_.text("contact-sheet").empty()) {
    view.columns = static_cast<std::uint32_t>(integer("contact-sheet", 1, 10000).value_or(0));
  }
  read_image_names();
  for (const std::string& text : given_.all("detector")) {
    auto detectors = read_detectors(text);
    if (!detectors) return refuse("detector", detectors.error());
    std::ranges::move(*detectors, std::back_inserter(view.detectors));
  }
  constexpr std::array<std::string_view, 4> kValues{"", "raw", "displayed", "both"};
  if (given_.has("images")) {
    request().images = static_cast<ImageValues>(choice("images", kValues));
    if (request().images == ImageValues::kDefault) {
      refuse("images", "(allowed: raw, displayed, both)");
    }
  }
  if (given_.has("composite")) read_composite();
}

void ExportReader::read_image_names() {
  ViewRequest& view = request().view;
  for (const std::string& list : given_.all("image")) {
    for (const std::string_view name : split(list, ',')) view.images.emplace_back(name);
  }
  if (std::ranges::find(view.images, "all") != view.images.end()) view.images.clear();
}

void ExportReader::read_kymograph() {
  ViewRequest& view = request().view;
  const std::string text = given_.text("kymograph");
  const bool is_y = text.starts_with("y=");
  std::vector<std::uint64_t> bounds;
  for (const std::string_view part :
       split(std::string_view(text).substr(std::min<std::size_t>(2, text.size())), ':')) {
    const auto read =
        parse_value({.type = OptionType::kInteger, .least = 0, .most = 4294967295.0}, part);
    if (read) bounds.push_back(static_cast<std::uint64_t>(std::get<std::int64_t>(*read)));
  }
  const bool is_range = text.find(':') != std::string::npos;
  if ((!is_y && !text.starts_with("x=")) || bounds.size() != (is_range ? 2 : 1) ||
      (is_range && bounds[0] >= bounds[1])) {
    return refuse("kymograph", fmt::format("{} (allowed: y=N or x=N, of 0 and more, or y=N:M "
                                           "with N < M)",
                                           in_quotes(text)));
  }
  view.across = is_y ? Axis::kY : Axis::kX;
  view.line = bounds[0];
  view.line_width = is_range ? bounds[1] - bounds[0] : 1;
}

void ExportReader::read_composite() {
  for (const std::string_view part : split(given_.text("composite"), ',')) {
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto colour = read_colour(part.substr(std::min(equals + 1, part.size())));
    if (equals == 0 || equals == part.size()) {
      return refuse("composite", fmt::format("{} (allowed: PRODUCT=COLOUR,...)", in_quotes(part)));
    }
    if (!colour) return refuse("composite", colour.error());
    request().composite.push_back({std::string(part.substr(0, equals)), *colour});
  }
  if (!request().input.product.empty()) refuse("composite", "excludes --product");
  for (const char* option : {"colour-map", "color-map"}) {
    if (given_.has(option)) refuse(option, "is not for --composite, which says the colours");
  }
}

void ExportReader::read_picture() {
  PictureRequest& picture = request().picture;
  constexpr std::array<std::string_view, 7> kMaps{"gray",    "afmhot", "viridis", "magma",
                                                  "inferno", "plasma", "cividis"};
  if (given_.has("colour-map") && given_.has("color-map")) {
    refuse("color-map", "is --colour-map, which is there");
  }
  picture.colour_map =
      static_cast<ColourMap>(choice(given_.has("color-map") ? "color-map" : "colour-map", kMaps));
  // playNano's GIFs are shown so.
  if (!given_.has("colour-map") && !given_.has("color-map") &&
      request().formats == std::vector<std::string>{"gif"}) {
    picture.colour_map = ColourMap::kAfmhot;
  }
  parsed("contrast", picture.contrast, read_contrast);
  picture.dpi = number("dpi", 1, 1e5);
  picture.zoom = number("zoom", 0.01, 64);
  picture.jpeg_quality = static_cast<int>(integer("jpeg-quality", 1, 100).value_or(90));
  const auto sizes = value<std::vector<Length>>(
      {.key = "pixel-size", .type = OptionType::kLengths, .least = 1e-30});
  if (!sizes) return;
  if (sizes->size() != 1) return refuse("pixel-size", "must be one length such as 0.65 um");
  picture.pixel_size = sizes->front().value;
  picture.pixel_unit = sizes->front().unit;
}

std::optional<ExportReader::End> ExportReader::read_end(std::string_view option) {
  if (!given_.has(option)) return std::nullopt;
  const std::string text = given_.text(option);
  if (text == "auto") return End{ContrastRequest::Kind::kAuto, {}};
  if (text == "percentile") return End{ContrastRequest::Kind::kPercentile, {}};
  const auto number = decimal(text);
  if (!number) {
    refuse(option, fmt::format("{} (allowed: a number, auto, percentile)", in_quotes(text)));
  }
  return End{ContrastRequest::Kind::kValues, number};
}

void ExportReader::read_contrast_ends() {
  const auto low = read_end("zmin");
  const auto high = read_end("zmax");
  if (!low && !high) return;
  if (given_.has("contrast")) {
    return refuse("contrast", "excludes --zmin and --zmax, which say the same");
  }
  ContrastRequest& contrast = request().picture.contrast;
  const End black = low.value_or(End{});
  const End white = high.value_or(End{});
  contrast.kind = black.kind;
  contrast.zmin = black.number;
  if (black.number && white.number && *black.number >= *white.number) {
    return refuse("zmax", "is not above --zmin");
  }
  if (black.kind == white.kind) {
    contrast.zmax = white.number;
  } else {
    request().white = ContrastRequest{.kind = white.kind, .zmin = {}, .zmax = white.number};
  }
}

void ExportReader::read_drawing() {
  PictureRequest& picture = request().picture;
  picture.timestamps = given_.has("timestamps");
  picture.outlines = given_.has("outlines");
  picture.axes = given_.has("ticks");
  picture.title = given_.text("title");
  parsed("ink", picture.ink, read_colour);
  picture.scale_bar.shown = given_.has("scale-bar") || given_.has("scale-bar-nm");
  if (const auto nanometres = number("scale-bar-nm", 1e-6, 1e12)) {
    picture.scale_bar.length = *nanometres;
  }
  if (given_.text("scale-bar").empty()) return;
  if (given_.has("scale-bar-nm")) return refuse("scale-bar-nm", "excludes --scale-bar=LENGTH");
  const auto lengths = value<std::vector<Length>>(
      {.key = "scale-bar", .type = OptionType::kLengths, .least = 1e-30});
  if (!lengths) return;
  if (lengths->size() != 1) return refuse("scale-bar", "must be one length such as 100 nm");
  picture.scale_bar.length = lengths->front().value;
  picture.scale_bar.unit = lengths->front().unit;
}

void ExportReader::read_movie() {
  MovieRequest& movie = request().movie;
  movie.fps = number("fps", 1e-3, 1000);
  movie.initial_time = number("initial-time", -1e12, 1e12);
  movie.time_step = number("time-step", -1e12, 1e12);
  if (movie.time_step == 0.0) refuse("time-step", "is 0");
  if (given_.has("time-unit") && !movie.initial_time && !movie.time_step) {
    refuse("time-unit", "is about --initial-time and --time-step, which are not there");
  }
  if (given_.has("time-unit")) movie.time_unit = given_.text("time-unit");
  movie.quality = number("movie-quality", 1, 63).value_or(0);
  if (given_.has("zip-of")) movie.zip_of = given_.text("zip-of");
  if (find_picture_format(movie.zip_of) == nullptr) {
    std::vector<std::string_view> names;
    for (const PictureFormat& format : picture_formats()) names.push_back(format.name);
    refuse("zip-of",
           fmt::format("{} (allowed: {})", in_quotes(movie.zip_of), fmt::join(names, ", ")));
  }
  // Times that are counted are meant to be seen.
  if (movie.initial_time || movie.time_step) request().picture.timestamps = true;
}

void ExportReader::read_work() {
  call_.jobs = given_.text("jobs");
  call_.split = static_cast<std::uint32_t>(integer("split", 2, 10000).value_or(0));
  call_.preview = given_.text("preview");
  call_.all = given_.has("all");
  call_.delete_earlier = given_.has("delete");
  call_.yes = given_.has("yes");
  call_.dry_run = given_.has("dry-run");
  call_.list_images = given_.has("list-images");
  call_.json = given_.has("json");
  request().digests = call_.json;
  const auto memory = value<std::int64_t>(
      {.key = "memory", .type = OptionType::kSize, .least = 16.0 * 1024 * 1024, .most = 1e15});
  if (memory) request().memory_bytes = static_cast<std::size_t>(*memory);
  const auto time = time_of_export(now_);
  if (!time && fault_.empty()) fault_ = time.error();
  request().export_utc_ns = time.value_or(now_);
}

}  // namespace framelog
