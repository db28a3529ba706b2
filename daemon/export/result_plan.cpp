#include "export/result_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "export/filters.hpp"
#include "export/result_grid.hpp"

// What an export will write, from what is known of the recording.
namespace framelog {
namespace {

/// Times of the first and the last frame of the grid, in seconds since the start of the recording.
Result<AxisFacts> time_axis(Recording& recording, const FrameGrid& grid) {
  const RecordingFacts& facts = recording.facts();
  const std::uint64_t count = grid.sizes()[0];
  AxisFacts axis{Axis::kTime, count, static_cast<double>(grid.time.start),
                 static_cast<double>(grid.every), ""};
  if (grid.is_scan || !facts.has_times) return axis;
  const auto first = recording.note(grid.time.start);
  if (!first) return std::unexpected(first.error());
  const auto last = recording.note(grid.time.start + (count - 1) * grid.every);
  if (!last) return std::unexpected(last.error());
  const bool has_monotonic = first->info.monotonic_ns >= 0 && last->info.monotonic_ns >= 0;
  const auto clock = [&](const FrameNote& note) {
    return has_monotonic ? note.info.monotonic_ns : note.info.utc_ns;
  };
  if (clock(*first) < 0 || clock(*last) < clock(*first)) return axis;
  axis.unit = "s";
  axis.origin = 0;
  if (facts.start_utc_ns >= 0 && first->info.utc_ns >= facts.start_utc_ns) {
    axis.origin = static_cast<double>(first->info.utc_ns - facts.start_utc_ns) * 1e-9;
  }
  axis.step = count < 2 ? 1
                        : static_cast<double>(clock(*last) - clock(*first)) * 1e-9 /
                              static_cast<double>(count - 1);
  return axis;
}

AxisFacts scan_axis(const RecordingFacts& facts, const FrameGrid& grid, std::size_t which) {
  const Length& step = facts.scan_step[which];
  const bool known = !step.unit.empty() && step.value > 0;
  const double size = known ? step.value : 1;
  return {which == 0 ? Axis::kScanY : Axis::kScanX, grid.sizes()[which + 1],
          static_cast<double>(grid.scan[which].start) * size,
          static_cast<double>(grid.subsample[which]) * size, known ? step.unit : ""};
}

AxisFacts pixel_axis(const RecordingFacts& facts, const ReductionPlan& plan, std::size_t which) {
  const Length& pixel = facts.pixel_size[which];
  const bool known = !pixel.unit.empty() && pixel.value > 0;
  const double size = known ? pixel.value : 1;
  const double start = which == 0 ? plan.region.y_start : plan.region.x_start;
  const double bin = which == 0 ? plan.bin.rows : plan.bin.columns;
  const double origin = known ? facts.origin[which] : 0;
  return {which == 0 ? Axis::kY : Axis::kX,
          which == 0 ? plan.binned.height_px : plan.binned.width_px,
          origin + (start + (bin - 1) / 2) * size, bin * size, known ? pixel.unit : "px"};
}

Result<std::vector<AxisFacts>> canonical_axes(Recording& recording, const ResultPlan& plan) {
  const RecordingFacts& facts = recording.facts();
  std::vector<AxisFacts> axes;
  auto time = time_axis(recording, plan.grid);
  if (!time) return std::unexpected(time.error());
  // One scan is (sy, sx, y, x).
  if (!plan.grid.is_scan || time->size > 1) axes.push_back(std::move(*time));
  if (plan.grid.is_scan) {
    axes.push_back(scan_axis(facts, plan.grid, 0));
    axes.push_back(scan_axis(facts, plan.grid, 1));
  }
  axes.push_back(pixel_axis(facts, plan.pixels.reduction, 0));
  axes.push_back(pixel_axis(facts, plan.pixels.reduction, 1));
  return axes;
}

std::vector<std::int64_t> pair(std::uint64_t a, std::uint64_t b) {
  return {static_cast<std::int64_t>(a), static_cast<std::int64_t>(b)};
}

void add_grid_steps(const RecordingFacts& recording, const ResultPlan& plan,
                    std::vector<ProcessStep>& steps) {
  const FrameGrid& grid = plan.grid;
  const std::uint64_t all = grid.is_scan ? recording.scans : recording.frames;
  ProcessStep cut{"cut", {}};
  if (grid.time != IndexRange{0, all}) {
    cut.parameters.emplace_back("t", pair(grid.time.start, grid.time.stop));
  }
  if (grid.is_scan && grid.scan[0] != IndexRange{0, recording.scan->rows}) {
    cut.parameters.emplace_back("sy", pair(grid.scan[0].start, grid.scan[0].stop));
  }
  if (grid.is_scan && grid.scan[1] != IndexRange{0, recording.scan->columns}) {
    cut.parameters.emplace_back("sx", pair(grid.scan[1].start, grid.scan[1].stop));
  }
  const Region& region = plan.pixels.reduction.region;
  if (region.height_px() != recording.shape.height_px) {
    cut.parameters.emplace_back("y", pair(region.y_start, region.y_stop));
  }
  if (region.width_px() != recording.shape.width_px) {
    cut.parameters.emplace_back("x", pair(region.x_start, region.x_stop));
  }
  if (!cut.parameters.empty()) steps.push_back(std::move(cut));
  if (grid.every > 1) {
    steps.push_back(
        {"every", {{"frames", std::vector<std::int64_t>{static_cast<std::int64_t>(grid.every)}}}});
  }
  if (grid.subsample[0] > 1 || grid.subsample[1] > 1) {
    steps.push_back({"subsample", {{"sy_sx", pair(grid.subsample[0], grid.subsample[1])}}});
  }
}

void add_pixel_steps(const TransformRequest& request, const ResultPlan& plan,
                     std::vector<ProcessStep>& steps) {
  const PixelPlan& pixels = plan.pixels;
  if (pixels.reduction.bin != Binning{}) {
    const Binning& bin = pixels.reduction.bin;
    steps.push_back({"bin",
                     {{"binning_yx", pair(bin.rows, bin.columns)},
                      {"mode", std::string(request.bin_mode == BinMode::kSum ? "sum" : "mean")}}});
  }
  for (const FilterStep& filter : pixels.filters) {
    ProcessStep step{filter.name, {}};
    for (const auto& [name, value] : filter.parameters) step.parameters.emplace_back(name, value);
    step.parameters.emplace_back("version", std::string(find_filter(filter.name)->version));
    steps.push_back(std::move(step));
  }
  if (!request.mask.empty()) steps.push_back({"mask", {{"file", request.mask.string()}}});
  if (const auto& map = request.renormalise) {
    steps.push_back({"renormalise",
                     {{"from_min", map->from_min},
                      {"from_max", map->from_max},
                      {"to_min", map->to_min},
                      {"to_max", map->to_max},
                      {"rounding", std::string(request.truncate ? "truncated" : "nearest")}}});
  }
  if (request.dtype && *request.dtype != pixels.filtered.type) {
    steps.push_back({"dtype", {{"type", std::string(name_of(*request.dtype))}}});
  }
}

/// Layers go with frames only. What was recorded and done before stays as it is: new steps are
/// numbered behind it.
void add_layers(const RecordingFacts& recording, ResultPlan& plan) {
  PixelPlan& pixels = plan.pixels;
  const FrameShape shape = pixels.filtered;
  const FrameShape mask{shape.height_px, shape.width_px, PixelType::kUint8};
  std::uint64_t step = 0;
  for (const LayerFacts& layer : recording.layers) step = std::max(step, step_of(layer.name));
  // Also where the layers that tell it do not go along.
  pixels.is_processed = std::ranges::any_of(recording.layers, [](const LayerFacts& layer) {
    return !layer.is_mask && (layer.name == kRawLayer || step_of(layer.name) > 0);
  });
  if (!pixels.filters.empty() && !pixels.is_processed) {
    plan.facts.layers.push_back({std::string(kRawLayer), false, shape});
  }
  for (const FilterStep& filter : pixels.filters) {
    const bool is_mask = find_filter(filter.name)->is_mask;
    plan.facts.layers.push_back(
        {fmt::format("step_{}_{}", ++step, filter.name), is_mask, is_mask ? mask : shape});
  }
  for (const KeptLayer& kept : pixels.kept_layers) {
    LayerFacts layer = recording.layers[kept.layer];
    layer.shape = {shape.height_px, shape.width_px, kept.reduction.output.type};
    plan.facts.layers.push_back(std::move(layer));
  }
}

/// Least and largest value by the statistics that were recorded, where frames go out as they are.
Result<void> add_value_range(Recording& recording, ResultPlan& plan) {
  const ReductionPlan& reduction = plan.pixels.reduction;
  if (!plan.pixels.is_direct || !reduction.identity || is_float(reduction.source.type) ||
      is_signed(reduction.source.type) || plan.grid.is_scan) {
    return {};
  }
  std::array<double, 2> range{INFINITY, -INFINITY};
  const std::uint64_t count = plan.grid.sizes()[0];
  constexpr std::uint64_t kMostFrames = 65536;  // A plan is made in a moment.
  if (count > kMostFrames) return {};
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto note = recording.note(plan.grid.time.start + i * plan.grid.every);
    if (!note) return std::unexpected(note.error());
    if (!note->statistics) return {};
    range[0] = std::min(range[0], note->statistics->min);
    range[1] = std::max(range[1], note->statistics->max);
  }
  if (range[0] <= range[1]) plan.facts.value_range = range;
  return {};
}

void add_calibration(const RecordingFacts& recording, ResultPlan& plan) {
  const ReductionPlan& reduction = plan.pixels.reduction;
  for (std::size_t i = 0; i < 2; ++i) {
    const Length& pixel = recording.pixel_size[i];
    if (pixel.unit.empty() || !(pixel.value > 0)) continue;
    const double bin = i == 0 ? reduction.bin.rows : reduction.bin.columns;
    plan.facts.pixel_size[i] = {pixel.value * bin, pixel.unit};
  }
  const Region& region = reduction.region;
  plan.facts.region = {IndexRange{region.y_start, region.y_stop},
                       IndexRange{region.x_start, region.x_stop}};
  plan.facts.time = plan.grid.time;
  plan.facts.scan = plan.grid.scan;
  plan.facts.has_times = recording.has_times;
}

}  // namespace

Result<ResultPlan> make_result_plan(Recording& recording, const TransformRequest& request) {
  const RecordingFacts& facts = recording.facts();
  ResultPlan plan;
  auto grid = plan_grid(recording, request);
  if (!grid) return std::unexpected(grid.error());
  plan.grid = *grid;
  auto pixels = plan_pixels(facts, request);
  if (!pixels) return std::unexpected(pixels.error());
  plan.pixels = std::move(*pixels);
  plan.facts.type = plan.pixels.output.type;
  const auto axes = canonical_axes(recording, plan);
  if (!axes) return std::unexpected(axes.error());
  const auto order = plan_order(*axes, request.axes, plan.facts);
  if (!order) return std::unexpected(order.error());
  plan.order = *order;
  add_calibration(facts, plan);
  if (request.keeps_layers && plan.facts.frames_in_order) {
    add_layers(facts, plan);
  } else {
    plan.pixels.kept_layers.clear();
  }
  add_grid_steps(facts, plan, plan.facts.steps);
  add_pixel_steps(request, plan, plan.facts.steps);
  if (auto added = add_value_range(recording, plan); !added) {
    return std::unexpected(added.error());
  }
  return plan;
}

Result<ResultFacts> plan_result(Recording& recording, const TransformRequest& request) {
  auto plan = make_result_plan(recording, request);
  if (!plan) return std::unexpected(plan.error());
  return std::move(plan->facts);
}

}  // namespace framelog
