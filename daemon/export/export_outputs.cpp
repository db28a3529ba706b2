#include "export/export_outputs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/option.hpp"
#include "core/text.hpp"
#include "export/export_shares.hpp"
#include "export/result_image_names.hpp"

namespace framelog {
namespace {

using Kind = ViewRequest::Kind;

constexpr std::int64_t kHeadBytes = 4096;  // Around the pixels of a picture.

std::unexpected<Error> unknown_format(const std::string& name) {
  std::vector<std::string_view> known;
  for (const auto& format : dataset_formats()) known.push_back(format.name);
  for (const auto& format : picture_formats()) known.push_back(format.name);
  for (const auto& format : movie_formats()) known.push_back(format.name);
  const std::string nearest = nearest_word(name, known);
  return fail(ErrorCode::kInvalid, "--to",
              fmt::format("{}: no such format{} (allowed: {})", in_quotes(name),
                          nearest.empty() ? "" : ", did you mean " + nearest + "?",
                          fmt::join(known, ", ")));
}

/// What the result is called in names.
std::string result_type_of(const ViewRequest& view, bool is_sequence) {
  using Mode = ViewRequest::Mode;
  switch (view.kind) {
    case Kind::kFrames:
      return is_sequence ? "frame" : "export";
    case Kind::kProjection:
      return view.mode == Mode::kMax    ? "max"
             : view.mode == Mode::kMin  ? "min"
             : view.mode == Mode::kMean ? "mean"
             : view.mode == Mode::kStd  ? "std"
                                        : "sum";
    case Kind::kKymograph:
      return "kymograph";
    case Kind::kContactSheet:
      return "sheet";
    case Kind::kImages:
      return "image";
  }
  std::unreachable();
}

/// The pattern "AxBxCxD" by which Quant4D knows the shape of a RAW.
std::string quant4d_suffix(const ResultFacts& result) {
  const auto& axes = result.axes;
  if (axes.size() != 4 || axes[0].axis != Axis::kScanY || axes[1].axis != Axis::kScanX) return "";
  return fmt::format("_{}x{}x{}x{}", axes[3].size, axes[2].size, axes[1].size, axes[0].size);
}

/// Makes the list of outputs out of formats and images.
class OutputPlanner {
 public:
  OutputPlanner(const ExportRequest& request, ExportPlan& plan) : request_(request), plan_(plan) {
    if (plan.view.kind != Kind::kImages) return;
    // Those of the request come last and replace the recording's.
    for (const DetectorSpec& detector : plan.detectors) {
      const std::string name = image_name(plan.recording().facts(), detector);
      for (auto& image : images_of_scans(plan.result, name)) {
        detectors_[std::move(image)] = &detector;
      }
    }
  }

  Result<void> run() {
    for (const std::string& format : formats_of(request_)) {
      if (auto added = add(format); !added) return added;
    }
    return {};
  }

 private:
  Result<void> add(const std::string& name) {
    PlannedOutput output;
    output.format = name;
    output.dataset = find_dataset_format(name);
    output.picture = find_picture_format(name);
    output.movie = find_movie_format(name);
    if (output.dataset == nullptr && output.picture == nullptr && output.movie == nullptr) {
      return unknown_format(name);
    }
    if (output.dataset != nullptr) return add_dataset(std::move(output));
    if (output.movie != nullptr) return add_movie(std::move(output));
    return add_pictures(std::move(output));
  }

  std::vector<std::string> images() const {
    if (plan_.view.kind == Kind::kImages) return plan_.images;
    return {""};
  }

  /// One output for each of the images; else one.
  void push(PlannedOutput output, std::string_view extension, std::string suffix) {
    for (const std::string& image : images()) {
      output.image = image;
      output.name.format = output.format;
      output.name.extension = extension;
      output.name.suffix = suffix;
      output.name.result_type =
          image.empty() ? result_type_of(plan_.view, output.is_sequence) : image;
      output.name.detector = detector_of(image);
      output.name.frame = plan_.result.time.start;
      plan_.outputs.push_back(output);
    }
  }

  /// The detector that an image is of, in one of the scans.
  const DetectorSpec* detector_of(const std::string& image) const {
    const auto found = detectors_.find(image);
    return found == detectors_.end() ? nullptr : found->second;
  }

  std::string filtered() const { return request_.transform.filters.empty() ? "" : "_filtered"; }

  /// What a dataset holds: the frames, or at most this of a picture that is made of all of them.
  ResultFacts array_of() const {
    ResultFacts array = plan_.result;
    const std::size_t count = array.axes.size();
    if (plan_.view.kind == Kind::kFrames || count < 2) return array;
    AxisFacts rows = array.axes[count - 2];
    AxisFacts columns = array.axes[count - 1];
    if (plan_.view.kind == Kind::kKymograph) {
      if (plan_.view.across == Axis::kX) columns.size = rows.size;
      rows.size = array.slices;
    } else if (plan_.view.kind == Kind::kImages && count == 4) {
      rows.size = std::max(rows.size, array.axes[0].size);
      columns.size = std::max(columns.size, array.axes[1].size);
    }
    using Mode = ViewRequest::Mode;
    const bool keeps_type =
        plan_.view.kind == Kind::kImages
            ? std::ranges::any_of(plan_.view.images,
                                  [](const auto& name) { return pattern_of(name).has_value(); })
            : plan_.view.kind == Kind::kProjection &&
                  (plan_.view.mode == Mode::kMax || plan_.view.mode == Mode::kMin);
    if (!keeps_type) array.type = PixelType::kFloat64;
    array.axes = {rows, columns};
    array.slice = {static_cast<std::uint32_t>(rows.size), static_cast<std::uint32_t>(columns.size),
                   array.type};
    array.slices = 1;
    array.frames_in_order = array.has_times = false;
    array.layers.clear();
    array.value_range.reset();
    return array;
  }

  /// Of what pictures show: an image that is no pattern is made of sums.
  std::vector<PixelType> value_types() const {
    if (plan_.view.kind != Kind::kImages) return {array_of().type};
    std::vector<PixelType> types;
    for (const std::string& image : plan_.view.images) {
      types.push_back(pattern_of(image) ? plan_.result.type : PixelType::kFloat64);
    }
    return types;
  }

  /// Layers of a bundle are not lost without a word.
  void note_layers(const DatasetFormat& format) {
    const auto& layers = plan_.recording().facts().layers;
    const FrameShape& frame = plan_.recording().facts().shape;
    const bool has_pixels = format.verify != nullptr;  // A table has not even those of the frames.
    if (plan_.view.kind != Kind::kFrames || request_.transform.raw_only || !has_pixels) return;
    const bool takes = keeps_layers(format, request_.write);
    std::vector<std::string_view> lost;
    for (const LayerFacts& layer : layers) {
      const bool goes = plan_.result.frames_in_order && layer.shape.height_px == frame.height_px &&
                        layer.shape.width_px == frame.width_px;
      if (!takes || !goes) lost.push_back(layer.name);
    }
    if (lost.empty()) return;
    plan_.notes.push_back(fmt::format("{}: left out are the layers {} ({})", format.name,
                                      fmt::join(lost, ", "),
                                      takes ? "those of the frames' size go with frames in time"
                                            : "npz, and hdf5 with --layout playnano, hold them"));
  }

  Result<void> add_dataset(PlannedOutput output) {
    if (!request_.composite.empty() || plan_.view.kind == Kind::kContactSheet) {
      return fail(ErrorCode::kInvalid,
                  request_.composite.empty() ? "--contact-sheet" : "--composite",
                  fmt::format("makes pictures, which {} does not hold (allowed: png, tif, ...)",
                              output.format));
    }
    const DatasetFormat& format = *output.dataset;
    const ResultFacts result = array_of();
    output.write = share_of(format, request_, plan_.notes);
    auto checked = format.check(plan_.recording().facts(), result, output.write, plan_.notes);
    if (!checked) return checked;
    note_layers(format);
    output.estimate = format.estimate(plan_.recording().facts(), result, output.write);
    output.may_shrink = output.write.compression.codec != Codec::kNone;
    std::string suffix = filtered();
    if (format.name == "raw") suffix += quant4d_suffix(plan_.result);
    push(std::move(output), format.extension, std::move(suffix));
    return {};
  }

  Result<void> add_movie(PlannedOutput output) {
    if (plan_.view.kind != Kind::kFrames) {
      return fail(ErrorCode::kInvalid, "--to",
                  fmt::format("{} is of frames, not of one picture of them", output.format));
    }
    const bool knows_pace = request_.movie.fps.has_value() || plan_.result.has_times;
    if (!knows_pace && output.format == "gif") {
      return fail(ErrorCode::kInvalid, "gif",
                  "needs the frames' times, which this recording does not have (--fps N)");
    }
    if (!knows_pace && output.format != "zip") {
      plan_.notes.push_back("the recording has no times: 10 frames per second (--fps)");
    }
    output.movie_request = share_of(*output.movie, request_);
    if (auto good = check_quality(*output.movie, output.movie_request); !good) return good;
    output.raw_values = keeps_values(*output.movie, request_, value_types());
    if (output.raw_values && output.format != "zip") {
      return fail(ErrorCode::kInvalid, "--images",
                  fmt::format("{} shows pictures as displayed (raw values: zip)", output.format));
    }
    output.estimate = picture_bytes(plan_.result, request_, output.raw_values) *
                      static_cast<std::int64_t>(plan_.result.slices);
    output.may_shrink = true;
    const std::string_view extension = output.movie->extension;
    push(std::move(output), extension, filtered());
    return {};
  }

  Result<void> add_pictures(PlannedOutput output) {
    const bool is_frames = plan_.view.kind == Kind::kFrames;
    output.is_sequence = is_frames && plan_.result.slices > 1;
    const std::int64_t pictures =
        output.is_sequence ? static_cast<std::int64_t>(plan_.result.slices) : 1;
    const std::string_view extension = output.picture->extension;
    ImageValues values = share_of(*output.picture, request_, value_types());
    if (values == ImageValues::kDefault) {
      values = plan_.view.kind != Kind::kImages ? ImageValues::kDisplayed
               : output.format != "tif"         ? ImageValues::kDisplayed
               : is_alone()                     ? ImageValues::kBoth
                                                : ImageValues::kRaw;
    }
    if (!request_.composite.empty() || plan_.view.kind == Kind::kContactSheet) {
      if (request_.images == ImageValues::kRaw) {
        return fail(ErrorCode::kInvalid, "--images", "raw has no composites and contact sheets");
      }
      values = ImageValues::kDisplayed;
    }
    if (values != ImageValues::kDisplayed) {
      if (auto good = check_values(*output.picture, value_types()); !good) return good;
    }
    for (const bool raw : {true, false}) {
      if (values == (raw ? ImageValues::kDisplayed : ImageValues::kRaw)) continue;
      PlannedOutput one = output;
      one.raw_values = raw;
      one.may_shrink = !raw || output.format == "png";
      one.estimate = picture_bytes(plan_.result, request_, raw) * pictures;
      push(std::move(one), extension,
           filtered() + (raw && values == ImageValues::kBoth ? "_raw" : ""));
    }
    return {};
  }

  bool is_alone() const {
    return std::ranges::count_if(formats_of(request_), [](const std::string& name) {
             return find_picture_format(name) != nullptr;
           }) == 1;
  }

  const ExportRequest& request_;
  ExportPlan& plan_;
  std::map<std::string, const DetectorSpec*, std::less<>> detectors_;  ///< By their images.
};

}  // namespace

std::int64_t picture_bytes(const ResultFacts& result, const ExportRequest& request, bool raw) {
  const auto pixels = static_cast<std::int64_t>(result.slice.width_px) * result.slice.height_px;
  if (raw) return pixels * static_cast<std::int64_t>(size_bytes(result.type)) + kHeadBytes;
  const double zoom = request.picture.zoom.value_or(1);
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(pixels) * 3 * zoom * zoom)) +
         kHeadBytes;
}

Result<void> plan_outputs(const ExportRequest& request, ExportPlan& plan) {
  return OutputPlanner(request, plan).run();
}

}  // namespace framelog
