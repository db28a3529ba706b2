#include "command/export_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "command/time_text.hpp"
#include "core/option.hpp"
#include "core/quantity.hpp"
#include "core/text.hpp"
#include "export/filters.hpp"

namespace framelog {
namespace {

using Kind = ViewRequest::Kind;

/// Reads group after group; the first fault stays.
class ExportReader {
 public:
  ExportReader(const GivenOptions& given, std::int64_t utc_ns) : given_(given), now_(utc_ns) {}

  std::expected<ExportCall, std::string> read() {
    for (const std::string& operand : given_.operands) request().input.paths.emplace_back(operand);
    read_output();
    read_input();
    read_part();
    read_values();
    read_images();
    read_picture();
    read_contrast_ends();
    read_drawing();
    read_movie();
    read_work();
    if (!fault_.empty()) return std::unexpected(fault_);
    return std::move(call_);
  }

 private:
  ExportRequest& request() noexcept { return call_.request; }

  void refuse(std::string_view option, std::string_view message) {
    if (fault_.empty()) fault_ = fmt::format("--{}: {}", option, message);
  }

  /// One of the words; the first where it was not given.
  template <std::size_t N>
  std::size_t choice(std::string_view option, const std::array<std::string_view, N>& words) {
    if (!given_.has(option)) return 0;
    const std::string text = given_.text(option);
    const auto* found = std::ranges::find(words, text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    refuse(option, fmt::format("{} (allowed: {})", in_quotes(text), fmt::join(words, ", ")));
    return 0;
  }

  /// A value as the configuration would read it.
  template <class T>
  std::optional<T> value(const OptionSpec& spec) {
    if (!given_.has(spec.key)) return std::nullopt;
    const auto read = parse_value(spec, given_.text(spec.key));
    if (!read) {
      refuse(spec.key, read.error());
      return std::nullopt;
    }
    return std::get<T>(*read);
  }

  std::optional<double> number(std::string_view option, double least, double most) {
    return value<double>(
        {.key = option, .type = OptionType::kNumber, .least = least, .most = most});
  }
  std::optional<std::int64_t> integer(std::string_view option, double least, double most) {
    return value<std::int64_t>(
        {.key = option, .type = OptionType::kInteger, .least = least, .most = most});
  }

  /// What a parser of a room makes of the text.
  template <class T, class Parser>
  void parsed(std::string_view option, T& into, Parser parser) {
    if (!given_.has(option)) return;
    auto result = parser(given_.text(option));
    if (result) {
      into = std::move(*result);
    } else if constexpr (requires { result.error().context; }) {
      refuse(option, describe(result.error()));
    } else {
      refuse(option, result.error());
    }
  }

  void read_output() {
    for (const std::string& list : given_.all("to")) {
      for (const std::string_view name : split(list, ',')) {
        if (std::ranges::find(request().formats, name) != request().formats.end()) {
          refuse("to", fmt::format("{} is there twice", in_quotes(name)));
        }
        request().formats.emplace_back(name);
      }
    }
    request().folder = given_.text("output-folder");
    request().name = given_.text("output-name");
    constexpr std::array<std::string_view, 3> kOnExists{"fail", "rename", "skip"};
    request().on_exists = static_cast<OnExists>(choice("on-exists", kOnExists));
    if (given_.has("verify") && given_.has("no-verify")) {
      refuse("verify", "excludes --no-verify");
    }
    request().verify = !given_.has("no-verify");
    request().write.layout = given_.text("layout");
    if (given_.has("dataset-name")) request().write.dataset = given_.text("dataset-name");
    parsed("compression", request().write.compression, parse_compression);
    constexpr std::array<std::string_view, 2> kEndian{"little", "big"};
    request().write.big_endian = choice("endian", kEndian) == 1;
  }

  void read_input() {
    InputRequest& input = request().input;
    input.product = given_.text("product");
    input.run = given_.text("run");
    input.dataset = given_.text("dataset");
    const auto shape = value<std::vector<std::uint32_t>>(
        {.key = "input-shape", .type = OptionType::kShape, .least = 1, .most = 4294967295.0});
    const auto type = value<PixelType>({.key = "input-dtype", .type = OptionType::kPixelType});
    if (type && !shape) input.geometry = RawGeometry{*type, {}};
    if (!shape) return;
    input.geometry = RawGeometry{type.value_or(PixelType::kFloat32), {}};
    if (shape->size() == 4) {
      request().scan = {(*shape)[0], (*shape)[1]};
      input.geometry->shape = {std::uint64_t{(*shape)[0]} * (*shape)[1], (*shape)[2], (*shape)[3]};
    } else if (shape->size() == 2 || shape->size() == 3) {
      input.geometry->shape.assign(shape->begin(), shape->end());
    } else {
      refuse("input-shape", "takes 2 to 4 numbers: HxW, NxHxW or SYxSXxHxW");
    }
  }

  void read_time(std::string_view option, std::optional<std::int64_t>& into) {
    if (!given_.has(option)) return;
    const auto time = parse_time(given_.text(option), now_);
    if (time) {
      into = *time;
    } else {
      refuse(option, time.error());
    }
  }

  void read_part() {
    TransformRequest& transform = request().transform;
    parsed("cutout", transform.cutout, parse_cutout);
    read_time("since", transform.since_utc_ns);
    read_time("until", transform.until_utc_ns);
    if (transform.since_utc_ns && transform.until_utc_ns &&
        *transform.since_utc_ns >= *transform.until_utc_ns) {
      refuse("until", "is not later than --since");
    }
    transform.every = static_cast<std::uint64_t>(integer("every", 1, 1e15).value_or(1));
    if (!given_.has("subsample")) return;
    for (const std::string_view part : split(given_.text("subsample"), ',')) {
      const bool is_y = part.starts_with("sy=");
      const auto read = parse_value({.type = OptionType::kInteger, .least = 1, .most = 1e6},
                                    part.substr(std::min<std::size_t>(3, part.size())));
      if ((!is_y && !part.starts_with("sx=")) || !read) {
        return refuse("subsample", fmt::format("{} (allowed: sy=N, sx=N or both, of 1 and more: "
                                               "\"sy=2,sx=2\")",
                                               in_quotes(part)));
      }
      (is_y ? transform.subsample_sy : transform.subsample_sx) =
          static_cast<std::uint32_t>(std::get<std::int64_t>(*read));
    }
  }

  void read_values() {
    TransformRequest& transform = request().transform;
    if (const auto bin = value<Binning>({.key = "bin", .type = OptionType::kBinning})) {
      transform.bin = *bin;
    }
    constexpr std::array<std::string_view, 2> kModes{"sum", "mean"};
    transform.bin_mode = choice("bin-mode", kModes) == 1 ? BinMode::kMean : BinMode::kSum;
    parsed("process", transform.filters, parse_filters);
    transform.raw_only = given_.has("raw");
    if (transform.raw_only && !transform.filters.empty()) refuse("raw", "excludes --process");
    transform.mask = given_.text("mask");
    read_renormalise();
    transform.dtype = value<PixelType>({.key = "dtype", .type = OptionType::kPixelType});
    transform.saturate = given_.has("saturate");
    parsed("axes", transform.axes, parse_axes);
    transform.flat = given_.has("flat");
  }

  void read_renormalise() {
    TransformRequest& transform = request().transform;
    constexpr std::array<std::string_view, 1> kPrograms{"ilastik"};
    choice("compat", kPrograms);
    transform.truncate = given_.has("compat");
    if (!given_.has("renormalise")) {
      if (transform.truncate) refuse("compat", "is about --renormalise, which is not there");
      return;
    }
    const std::string text = given_.text("renormalise");
    std::vector<double> numbers;
    const std::size_t arrow = std::min(text.find("->"), text.size());
    const std::string_view whole(text);
    for (const auto half :
         {whole.substr(0, arrow), whole.substr(std::min(arrow + 2, text.size()))}) {
      for (const std::string_view part : split(half, ',')) {
        if (const auto number = decimal(part)) numbers.push_back(*number);
      }
    }
    if (numbers.size() != 4 || numbers[0] == numbers[1] || split(text, ',').size() != 3) {
      return refuse("renormalise", fmt::format("{} (allowed: min, max -> min, max such as "
                                               "\"0, 4095 -> 0, 255\", the first two different)",
                                               in_quotes(text)));
    }
    transform.renormalise = Renormalisation{numbers[0], numbers[1], numbers[2], numbers[3]};
  }

  void read_images() {
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

  void read_image_names() {
    ViewRequest& view = request().view;
    for (const std::string& list : given_.all("image")) {
      for (const std::string_view name : split(list, ',')) view.images.emplace_back(name);
    }
    if (std::ranges::find(view.images, "all") != view.images.end()) view.images.clear();
  }

  void read_kymograph() {
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

  void read_composite() {
    for (const std::string_view part : split(given_.text("composite"), ',')) {
      const std::size_t equals = std::min(part.find('='), part.size());
      const auto colour = read_colour(part.substr(std::min(equals + 1, part.size())));
      if (equals == 0 || equals == part.size()) {
        return refuse("composite",
                      fmt::format("{} (allowed: PRODUCT=COLOUR,...)", in_quotes(part)));
      }
      if (!colour) return refuse("composite", colour.error());
      request().composite.push_back({std::string(part.substr(0, equals)), *colour});
    }
    if (!request().input.product.empty()) refuse("composite", "excludes --product");
  }

  void read_picture() {
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

  struct End {
    ContrastRequest::Kind kind{};
    std::optional<double> number;
  };

  std::optional<End> read_end(std::string_view option) {
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

  /// --zmin and --zmax: a stack's limits, each found in its way.
  void read_contrast_ends() {
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

  void read_drawing() {
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

  void read_movie() {
    MovieRequest& movie = request().movie;
    movie.fps = number("fps", 1e-3, 1000);
    movie.initial_time = number("initial-time", -1e12, 1e12);
    movie.time_step = number("time-step", -1e12, 1e12);
    if (movie.time_step == 0.0) refuse("time-step", "is 0");
    if (given_.has("time-unit")) movie.time_unit = given_.text("time-unit");
    movie.quality = number("movie-quality", 1, 63).value_or(0);
    if (given_.has("zip-of")) movie.zip_of = given_.text("zip-of");
    // Times that are counted are meant to be seen.
    if (movie.initial_time || movie.time_step) request().picture.timestamps = true;
  }

  void read_work() {
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

  const GivenOptions& given_;
  std::int64_t now_;
  ExportCall call_;
  std::string fault_;
};

}  // namespace

std::expected<ExportCall, std::string> read_export(const GivenOptions& given, std::int64_t utc_ns) {
  return ExportReader(given, utc_ns).read();
}

}  // namespace framelog
