#include "pipeline/reduction_settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/text.hpp"
#include "store/calibration_image.hpp"

namespace framelog {
namespace {

constexpr std::array kImageKeys{"dark", "flat", "bad_pixels"};

/// "0, 4095 -> 0, 255"
std::optional<Renormalisation> parse_renormalisation(std::string_view text) {
  const std::size_t arrow = text.find("->");
  if (arrow == std::string_view::npos) return std::nullopt;
  std::vector<double> numbers;
  for (const std::string_view half : {text.substr(0, arrow), text.substr(arrow + 2)}) {
    for (const std::string_view part : split(half, ',')) {
      double value = 0;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
      if (error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
      numbers.push_back(value);
    }
    if (numbers.size() % 2 != 0) return std::nullopt;
  }
  if (numbers.size() != 4) return std::nullopt;
  return Renormalisation{numbers[0], numbers[1], numbers[2], numbers[3]};
}

std::string text_of(const Settings& settings, const std::string& section, const char* key) {
  const auto* text = settings.get<std::string>(section, key);
  return text == nullptr ? "" : *text;
}

std::uint32_t count_of(const Settings& settings, const std::string& section, const char* key) {
  const auto* count = settings.get<std::int64_t>(section, key);
  return count == nullptr ? 1 : static_cast<std::uint32_t>(*count);
}

}  // namespace

ReductionSettings::ReductionSettings(const Settings& settings, const SourceInfo& source,
                                     std::vector<Complaint>& complaints)
    : settings_(settings), source_(source), complaints_(complaints) {
  read_scan();
}

void ReductionSettings::complain(std::string section, std::string key, std::string message) {
  complaints_.push_back({std::move(section), std::move(key), std::move(message)});
}

void ReductionSettings::read_scan() {
  const auto* shape = settings_.get<std::vector<std::uint32_t>>("instrument", "scan");
  const auto* flyback = settings_.get<std::int64_t>("instrument", "flyback");
  const auto skipped = flyback == nullptr ? 0U : static_cast<std::uint32_t>(*flyback);
  if (shape == nullptr) {
    if (skipped > 0) complain("instrument", "flyback", "goes with instrument.scan only");
    if (settings_.find("instrument", "scan_step") != nullptr) {
      complain("instrument", "scan_step", "goes with instrument.scan only");
    }
    return;
  }
  constexpr std::uint64_t kMostPoints = std::uint64_t{1} << 25U;
  if (shape->size() != 2 || (*shape)[0] == 0 || (*shape)[1] == 0 ||
      std::uint64_t{(*shape)[0]} * (*shape)[1] > kMostPoints) {
    return complain("instrument", "scan",
                    fmt::format("must be rows x columns, at most {} points", kMostPoints));
  }
  const Scan scan{(*shape)[0], (*shape)[1], skipped, source_.first_number};
  if (source_.frames && *source_.frames % scan.frames_per_scan() != 0) {
    return complain(
        "instrument", "scan",
        fmt::format("{} x {} points{} do not divide the {} frames of the source", scan.rows,
                    scan.columns,
                    skipped > 0 ? fmt::format(" with {} flyback frames a line", skipped) : "",
                    *source_.frames));
  }
  scan_ = scan;
}

ReductionSettings::Image ReductionSettings::image_of(const std::string& section, const char* key) {
  const auto* source = settings_.get<std::string>(section, key);
  if (source == nullptr) return nullptr;
  if (const auto known = images_.find(*source); known != images_.end()) return known->second;
  auto read = read_calibration(system_files(), *source);
  if (!read) {
    complain(section, key, describe(read.error()));
    return nullptr;
  }
  auto image = std::make_shared<CorrectionImage>();
  image->height_px = read->height_px;
  image->width_px = read->width_px;
  image->values = std::move(read->values);
  images_[*source] = image;
  return image;
}

/// None where something is wrong; null where nothing is asked for.
std::optional<std::shared_ptr<const Correction>> ReductionSettings::correction_of(
    const std::string& section) {
  std::string id;
  for (const char* key : kImageKeys) id += text_of(settings_, section, key) + '\n';
  if (const auto known = corrections_.find(id); known != corrections_.end()) return known->second;
  std::array<std::optional<CorrectionImage>, kImageKeys.size()> images;
  bool any = false;
  for (std::size_t i = 0; i < kImageKeys.size(); ++i) {
    if (settings_.find(section, kImageKeys[i]) == nullptr) continue;
    const Image image = image_of(section, kImageKeys[i]);
    if (image == nullptr) return std::nullopt;
    images[i] = *image;
    any = true;
  }
  if (!any) return nullptr;
  auto correction = Correction::make(source_.shape, images[0], images[1], images[2]);
  if (!correction) {
    complain(section, correction.error().what, describe(correction.error()));
    return std::nullopt;
  }
  corrections_[id] = *correction;
  return *correction;
}

std::optional<ReductionPlan> ReductionSettings::plan_of(const std::string& section) {
  ReductionSpec spec;
  const auto correction = correction_of(section);
  if (correction) spec.correction = *correction;
  if (const auto* roi = settings_.get<RegionSpec>(section, "roi")) spec.roi = *roi;
  if (const auto* bin = settings_.get<Binning>(section, "bin")) spec.bin = *bin;
  if (text_of(settings_, section, "bin_mode") == "mean") spec.bin_mode = BinMode::kMean;
  spec.accumulate = count_of(settings_, section, "accumulate");
  if (text_of(settings_, section, "accumulate_mode") == "mean") {
    spec.accumulate_mode = AccumulateMode::kMean;
  }
  if (const auto* type = settings_.get<PixelType>(section, "dtype")) spec.dtype = *type;
  if (const auto* text = settings_.get<std::string>(section, "renormalise")) {
    spec.renormalise = parse_renormalisation(*text);
    if (!spec.renormalise) {
      complain(
          section, "renormalise",
          fmt::format("\"{}\" is no map (allowed: min, max -> min, max such as 0, 4095 -> 0, 255)",
                      *text));
      return std::nullopt;
    }
  }
  auto plan = make_plan(source_.shape, spec, source_.saturation);
  if (!plan) {
    complain(section, plan.error().what, describe(plan.error()));
    return std::nullopt;
  }
  if (!correction) return std::nullopt;
  return std::move(*plan);
}

bool ReductionSettings::check_scan(const std::string& section) {
  if (!scan_) return true;
  bool good = true;
  for (const char* key : {"keep_every", "accumulate"}) {
    if (count_of(settings_, section, key) == 1) continue;
    complain(section, key, "goes not with instrument.scan: each frame is a point of it");
    good = false;
  }
  return good;
}

std::optional<ProductReduction> ReductionSettings::of_product(const std::string& name) {
  const std::string section = "product." + name;
  const bool scan_is_fine = check_scan(section);
  auto plan = plan_of(section);
  if (!plan || !scan_is_fine) return std::nullopt;
  auto detectors = detectors_of_product(section, *plan);
  if (!detectors) return std::nullopt;
  ProductReduction reduction;
  reduction.plan = std::move(*plan);
  reduction.detectors = std::move(*detectors);
  reduction.keep_every = count_of(settings_, section, "keep_every");
  reduction.scan = scan_;
  return reduction;
}

std::vector<std::filesystem::path> ReductionSettings::inputs_of(const std::string& name) const {
  std::vector<std::filesystem::path> inputs;
  const auto add = [&](const std::string& section, const char* key) {
    const std::string source = text_of(settings_, section, key);
    if (!source.empty()) inputs.emplace_back(source.substr(0, source.find("::")));
  };
  const std::string section = "product." + name;
  for (const char* key : kImageKeys) add(section, key);
  if (const auto* names = settings_.get<std::vector<std::string>>(section, "detectors")) {
    for (const std::string& detector : *names) add("detector." + detector, "file");
  }
  std::ranges::sort(inputs);
  inputs.erase(std::ranges::unique(inputs).begin(), inputs.end());
  return inputs;
}

}  // namespace framelog
