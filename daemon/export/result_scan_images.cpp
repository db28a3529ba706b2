#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "export/result_image_names.hpp"
#include "export/result_images.hpp"
#include "export/result_pixels.hpp"
#include "reduce/detector.hpp"

// Images that the points of a scan make together.
namespace framelog {
namespace {

/// What has been asked for, by where it comes from.
struct Wanted {
  std::vector<DetectorSpec> computed;
  std::vector<std::size_t> stored;  ///< In RecordingFacts::series.
  std::vector<ScanPoint> patterns;
  bool sum{};
  bool mean{};
};

Result<void> choose(const RecordingFacts& recording, const std::vector<DetectorSpec>& detectors,
                    const std::vector<std::string>& names, std::string_view name, Wanted& wanted) {
  for (const DetectorSpec& detector : detectors) {
    if (name != detector.name && name != image_name(recording, detector)) continue;
    wanted.computed.push_back(detector);
    return {};
  }
  const auto stored = std::ranges::find(recording.series, name);
  if (stored != recording.series.end()) {
    wanted.stored.push_back(static_cast<std::size_t>(stored - recording.series.begin()));
    return {};
  }
  const auto pattern = pattern_of(name);
  if (pattern && recording.scan && pattern->row < recording.scan->rows &&
      pattern->column < recording.scan->columns) {
    wanted.patterns.push_back(*pattern);
    return {};
  }
  wanted.sum = wanted.sum || name == "sum";
  wanted.mean = wanted.mean || name == "mean";
  if (name == "sum" || name == "mean") return {};
  return fail(ErrorCode::kInvalid, "images",
              fmt::format("there is no \"{}\" (allowed: {})", name, fmt::join(names, ", ")));
}

Result<Wanted> choose_all(const Recording& recording, const ViewRequest& view) {
  Wanted wanted;
  const auto detectors = all_detectors(recording.facts(), view);
  const auto listed = list_images(recording, view);
  std::vector<std::string> names = view.images;
  if (names.empty()) {
    names = listed;
    std::erase(names, kAnyPattern);
  }
  for (const std::string& name : names) {
    if (auto chosen = choose(recording.facts(), detectors, listed, name, wanted); !chosen) {
      return std::unexpected(chosen.error());
    }
  }
  return wanted;
}

/// Where a slice of the result is in the scan.
class Places {
 public:
  explicit Places(const ResultFacts& facts) : facts_(facts) {
    for (std::size_t i = 0; i + 2 < facts.axes.size(); ++i) {
      const AxisFacts& axis = facts.axes[i];
      if (axis.axis == Axis::kTime) scans = axis.size;
      if (axis.axis == Axis::kScanY) rows = axis;
      if (axis.axis == Axis::kScanX) columns = axis;
    }
  }
  struct Place {
    std::uint64_t scan{}, row{}, column{};
  };
  [[nodiscard]] Place of(std::uint64_t slice) const {
    Place place;
    for (std::size_t i = facts_.axes.size() - 2; i-- > 0;) {
      const std::uint64_t at = slice % facts_.axes[i].size;
      slice /= facts_.axes[i].size;
      if (facts_.axes[i].axis == Axis::kTime) place.scan = at;
      if (facts_.axes[i].axis == Axis::kScanY) place.row = at;
      if (facts_.axes[i].axis == Axis::kScanX) place.column = at;
    }
    return place;
  }

  std::uint64_t scans{1};
  std::optional<AxisFacts> rows, columns;

 private:
  const ResultFacts& facts_;
};

/// The sums of detectors over frames of the result, whose shapes are told in the recording's.
Result<DetectorSet> detectors_in_result(const RecordingFacts& recording, const ResultFacts& facts,
                                        const std::vector<DetectorSpec>& detectors) {
  ReductionSpec spec;
  const auto bound = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  spec.roi = RegionSpec{bound(facts.region[0].start), bound(facts.region[0].stop),
                        bound(facts.region[1].start), bound(facts.region[1].stop)};
  spec.bin = {bound(facts.region[0].size() / facts.slice.height_px),
              bound(facts.region[1].size() / facts.slice.width_px)};
  spec.dtype = facts.type;
  const auto plan = make_plan(recording.shape, spec, std::nullopt);
  if (!plan) return std::unexpected(plan.error());
  return DetectorSet::make(*plan, detectors);
}

/// Gathers everything that was asked for in one pass.
class Gatherer {
 public:
  Gatherer(Recording& recording, const ResultFacts& facts, Wanted wanted, DetectorSet detectors)
      : recording_(recording),
        facts_(facts),
        wanted_(std::move(wanted)),
        detectors_(std::move(detectors)),
        places_(facts),
        moments_(facts.slice),
        sums_(detectors_.size()) {
    for (std::size_t i = 0; i < wanted_.computed.size(); ++i) {
      add_images(image_name(recording.facts(), wanted_.computed[i]), wanted_.computed[i]);
    }
    for (const std::size_t series : wanted_.stored) {
      add_images(recording.facts().series[series], std::nullopt);
    }
    for (const ScanPoint& point : wanted_.patterns) {
      for (std::string& name : images_of_scans(facts_, pattern_name(point))) {
        patterns_.push_back(missing_pattern(std::move(name)));
      }
    }
  }

  Result<void> add(const ResultSlice& slice, std::span<const double> values) {
    const auto place = places_.of(slice.index);
    if (wanted_.sum || wanted_.mean) moments_.add(slice.pixels, values);
    if (!images_.empty()) {
      if (!wanted_.computed.empty()) detectors_.sum(slice.pixels, sums_);
      for (std::size_t i = 0; i < sums_.size(); ++i) put(i, place, sums_[i]);
      for (std::size_t i = 0; i < wanted_.stored.size(); ++i) {
        double sum = 0;
        if (auto read = recording_.read_series(wanted_.stored[i], slice.frame, std::span(&sum, 1));
            !read) {
          return read;
        }
        put(sums_.size() + i, place, sum);
      }
    }
    keep_patterns(slice, place);
    return {};
  }

  std::vector<DerivedImage> finish() {
    std::vector<DerivedImage> all;
    for (Image& image : images_) all.push_back(std::move(image.image));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto bytes = std::as_bytes(std::span(images_[i].values));
      all[i].pixels.assign(bytes.begin(), bytes.end());
      if (std::ranges::find(all[i].missing, 1) == all[i].missing.end()) all[i].missing.clear();
    }
    if (wanted_.sum) all.push_back(frame_image("sum", moments_.sum()));
    if (wanted_.mean) all.push_back(frame_image("mean", moments_.mean()));
    all.insert(all.end(), std::move_iterator(patterns_.begin()),
               std::move_iterator(patterns_.end()));
    return all;
  }

 private:
  struct Image {
    DerivedImage image;
    std::vector<double> values;
  };

  void add_images(const std::string& name, const std::optional<DetectorSpec>& detector) {
    const std::uint64_t points = places_.rows->size * places_.columns->size;
    const auto names = images_of_scans(facts_, name);
    for (std::uint64_t scan = 0; scan < places_.scans; ++scan) {
      DerivedImage image;
      image.name = names[scan];
      image.shape = {static_cast<std::uint32_t>(places_.rows->size),
                     static_cast<std::uint32_t>(places_.columns->size), PixelType::kFloat64};
      image.axes = {*places_.rows, *places_.columns};
      image.detector = detector;
      image.missing.assign(points, 1);
      images_.push_back({std::move(image),
                         std::vector<double>(points, std::numeric_limits<double>::quiet_NaN())});
    }
  }

  void put(std::size_t which, const Places::Place& place, double value) {
    Image& image = images_[which * places_.scans + place.scan];
    const std::size_t at = place.row * places_.columns->size + place.column;
    image.values[at] = value;
    image.image.missing[at] = 0;
  }

  [[nodiscard]] DerivedImage pattern_image(std::string name) const {
    DerivedImage image;
    image.name = std::move(name);
    image.shape = facts_.slice;
    image.axes = {facts_.axes[facts_.axes.size() - 2], facts_.axes.back()};
    return image;
  }

  [[nodiscard]] DerivedImage frame_image(std::string name,
                                         const std::vector<double>& values) const {
    DerivedImage image = pattern_image(std::move(name));
    image.shape.type = PixelType::kFloat64;
    const auto bytes = std::as_bytes(std::span(values));
    image.pixels.assign(bytes.begin(), bytes.end());
    return image;
  }

  /// One whose point has no frame, until it is found.
  [[nodiscard]] DerivedImage missing_pattern(std::string name) const {
    DerivedImage image = pattern_image(std::move(name));
    const std::size_t pixels = std::size_t{image.shape.height_px} * image.shape.width_px;
    image.missing.assign(pixels, 1);
    image.pixels.resize(size_bytes(image.shape));
    if (is_float(image.shape.type)) {
      const std::vector<double> nan(pixels, std::numeric_limits<double>::quiet_NaN());
      store_values(image.shape.type, nan, image.pixels);
    }
    return image;
  }

  void keep_patterns(const ResultSlice& slice, const Places::Place& place) {
    if (wanted_.patterns.empty()) return;
    const auto point = point_of(*recording_.facts().scan, slice.note.info.source_sequence);
    if (!point) return;
    for (std::size_t i = 0; i < wanted_.patterns.size(); ++i) {
      const ScanPoint& wanted = wanted_.patterns[i];
      if (wanted.row != point->row || wanted.column != point->column) continue;
      DerivedImage& image = patterns_[i * places_.scans + place.scan];
      image.pixels.assign(slice.pixels.begin(), slice.pixels.end());
      image.missing.clear();
    }
  }

  Recording& recording_;
  const ResultFacts& facts_;
  Wanted wanted_;
  DetectorSet detectors_;
  Places places_;
  PixelMoments moments_;
  std::vector<double> sums_;
  std::vector<Image> images_;           ///< Of each detector one per scan.
  std::vector<DerivedImage> patterns_;  ///< Likewise of each point.
};

Result<void> check_scan(const RecordingFacts& recording, const ResultFacts& facts,
                        const Wanted& wanted) {
  const Places places(facts);
  const std::size_t count = facts.axes.size();
  if (count < 2 || facts.axes[count - 2].axis != Axis::kY || facts.axes.back().axis != Axis::kX) {
    return fail(ErrorCode::kInvalid,
                "--axes:", "images need patterns (allowed: axes that end with y, x)");
  }
  const bool of_points =
      !wanted.computed.empty() || !wanted.stored.empty() || !wanted.patterns.empty();
  if (!of_points) return {};
  for (const ScanPoint& point : wanted.patterns) {
    if (has_point(recording, facts, point)) continue;
    return fail(ErrorCode::kInvalid, "images",
                pattern_name(point) +
                    ": the point is not within the cutout, or is left out by subsampling");
  }
  if (places.rows && places.columns) return {};
  return fail(ErrorCode::kInvalid, "images",
              "the result has no scan, of which detectors make images (allowed: sum, mean)");
}

}  // namespace

Result<std::vector<DerivedImage>> scan_images(Recording& recording, ResultFrames& result,
                                              const ViewRequest& view) {
  auto wanted = choose_all(recording, view);
  if (!wanted) return std::unexpected(wanted.error());
  const ResultFacts& facts = result.facts();
  if (auto good = check_scan(recording.facts(), facts, *wanted); !good)
    return std::unexpected(good.error());
  DetectorSet detectors;
  if (!wanted->computed.empty()) {
    auto made = detectors_in_result(recording.facts(), facts, wanted->computed);
    if (!made) return std::unexpected(made.error());
    detectors = std::move(*made);
  }
  Gatherer gatherer(recording, facts, std::move(*wanted), std::move(detectors));
  std::vector<double> values(std::size_t{facts.slice.height_px} * facts.slice.width_px);
  ResultSlice slice;
  for (;;) {
    const auto more = result.next(slice);
    if (!more) return std::unexpected(more.error());
    if (!*more) return gatherer.finish();
    if (slice.missing) continue;
    load_values(facts.type, slice.pixels, values);
    if (auto added = gatherer.add(slice, values); !added) return std::unexpected(added.error());
  }
}

}  // namespace framelog
