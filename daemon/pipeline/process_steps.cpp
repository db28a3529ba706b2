// The part of ReductionSettings that tells the files what was done.

#include <fmt/format.h>

#include "pipeline/reduction_settings.hpp"

namespace framelog {
namespace {

using Integers = std::vector<std::int64_t>;

ProcessStep crop_step(const ReductionPlan& plan) {
  return {"crop",
          {{"region", to_string(plan.region)},
           {"origin_yx", Integers{plan.region.y_start, plan.region.x_start}},
           {"size_yx", Integers{plan.region.height_px(), plan.region.width_px()}}}};
}

ProcessStep bin_step(const ReductionPlan& plan) {
  return {"bin",
          {{"factor_yx", Integers{plan.bin.rows, plan.bin.columns}},
           {"mode", plan.bin_mode == BinMode::kSum ? "sum" : "mean"},
           {"pixel_type", std::string(name_of(plan.binned.type))}}};
}

ProcessStep accumulate_step(const ReductionPlan& plan) {
  return {std::string(kAccumulateStep),
          {{"frames", Integers{plan.accumulate}},
           {"mode", plan.accumulate_mode == AccumulateMode::kSum ? "sum" : "mean"},
           {"pixel_type", std::string(name_of(plan.combined.type))}}};
}

/// What chooses the frames, where not all are recorded.
std::optional<ProcessStep> record_step(const Settings& settings) {
  ProcessStep step{std::string(kRecordStep), {}};
  for (const Setting& setting : settings.all()) {
    if (setting.section != "record") continue;
    if (setting.key == "start" && (setting.text == "always" || setting.text == "command"))
      return std::nullopt;
    const bool written = setting.origin.file != "default";
    if (written || setting.key == "start") step.parameters.emplace_back(setting.key, setting.text);
  }
  if (step.parameters.empty()) return std::nullopt;
  return step;
}

ProcessStep convert_step(const ReductionPlan& plan) {
  ProcessStep step{"convert", {{"pixel_type", std::string(name_of(plan.output.type))}}};
  if (plan.renormalise) {
    step.parameters.emplace_back("from_min", plan.renormalise->from_min);
    step.parameters.emplace_back("from_max", plan.renormalise->from_max);
    step.parameters.emplace_back("to_min", plan.renormalise->to_min);
    step.parameters.emplace_back("to_max", plan.renormalise->to_max);
  }
  return step;
}

}  // namespace

std::vector<ProcessStep> ReductionSettings::steps_of(const std::string& name,
                                                     const ProductReduction& reduction) const {
  const ReductionPlan& plan = reduction.plan;
  std::vector<ProcessStep> steps;
  if (plan.correction) {
    ProcessStep step{"correct",
                     {{"formula", plan.correction->has_flat() ? "(pixel - dark) / (flat - dark)"
                                                              : "pixel - dark"},
                      {"bad_pixels_replaced",
                       Integers{static_cast<std::int64_t>(plan.correction->bad_pixels())}},
                      {"pixel_type", std::string(name_of(plan.corrected.type))}}};
    if (!plan.correction->has_dark()) {
      step.parameters[0].second =
          plan.correction->has_flat() ? "pixel / flat" : "median of the good neighbours";
    }
    for (const char* key : {"dark", "flat", "bad_pixels"}) {
      const auto* file = settings_.get<std::string>("product." + name, key);
      if (file != nullptr) step.parameters.emplace_back(key, *file);
    }
    steps.push_back(std::move(step));
  }
  const bool cropped = plan.region.height_px() != plan.source.height_px ||
                       plan.region.width_px() != plan.source.width_px;
  if (cropped) steps.push_back(crop_step(plan));
  if (plan.bin != Binning{}) steps.push_back(bin_step(plan));
  if (reduction.keep_every > 1) {
    steps.push_back({std::string(kKeepEveryStep), {{"frames", Integers{reduction.keep_every}}}});
  }
  if (reduction.scan && reduction.scan->flyback > 0) {
    steps.push_back({std::string(kSkipFlybackStep),
                     {{"frames_per_line", Integers{reduction.scan->flyback}},
                      {"scan_yx", Integers{reduction.scan->rows, reduction.scan->columns}}}});
  }
  if (auto record = record_step(settings_)) steps.push_back(std::move(*record));
  if (plan.accumulate > 1) steps.push_back(accumulate_step(plan));
  if (plan.renormalise || plan.output.type != plan.combined.type) {
    steps.push_back(convert_step(plan));
  }
  return steps;
}

}  // namespace framelog
