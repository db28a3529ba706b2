#include "export/result_pixels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "store/calibration_image.hpp"

namespace framelog {
namespace {

/// The plan of one that only looks at frames.
Reducer observer_of(const FrameShape& shape) {
  return Reducer(*make_plan(shape, {}, std::nullopt));
}

std::optional<RegionSpec> region_of(const TransformRequest& request) {
  RegionSpec region;
  bool any = false;
  for (const AxisCut& cut : request.cutout) {
    const auto bound = [](const std::optional<std::uint64_t>& value) {
      return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
    };
    if (cut.axis == Axis::kY) {
      region.y_start = bound(cut.start);
      region.y_stop = bound(cut.stop);
      any = true;
    } else if (cut.axis == Axis::kX) {
      region.x_start = bound(cut.start);
      region.x_stop = bound(cut.stop);
      any = true;
    }
  }
  return any ? std::optional(region) : std::nullopt;
}

Result<void> check_region(const TransformRequest& request, const FrameShape& shape) {
  for (const AxisCut& cut : request.cutout) {
    if (cut.axis != Axis::kY && cut.axis != Axis::kX) continue;
    const auto range = apply(cut, cut.axis == Axis::kY ? shape.height_px : shape.width_px);
    if (!range) return std::unexpected(range.error());
  }
  return {};
}

/// Filters give float32 where that holds the pixels, else float64.
PixelType filtered_type(PixelType type) noexcept {
  const bool small = size_bytes(type) <= 2 || type == PixelType::kFloat32;
  return small ? PixelType::kFloat32 : PixelType::kFloat64;
}

Result<void> add_mask(const TransformRequest& request, PixelPlan& plan) {
  if (request.mask.empty()) return {};
  const auto image = read_calibration(system_files(), request.mask.string());
  if (!image) return std::unexpected(image.error());
  const FrameShape& source = plan.reduction.source;
  if (image->height_px != source.height_px || image->width_px != source.width_px) {
    return fail(ErrorCode::kInvalid, "--mask:",
                fmt::format("{} is {} x {} (allowed: {} x {}, as the recording's frames)",
                            image->path.string(), image->height_px, image->width_px,
                            source.height_px, source.width_px));
  }
  plan.mask = mask_of_output(image->values, plan.reduction);
  return {};
}

/// Everything behind cut and bin.
Result<void> add_conversion(const TransformRequest& request, PixelPlan& plan) {
  ReductionSpec spec;
  spec.dtype = request.dtype;
  spec.renormalise = request.renormalise;
  auto conversion = make_plan(plan.filtered, spec, std::nullopt);
  if (!conversion) return std::unexpected(conversion.error());
  plan.output = conversion->output;
  plan.conversion = std::move(*conversion);
  return {};
}

/// Those of the frames' size go through what cuts and bins the frames.
Result<void> keep_layers(const RecordingFacts& recording, const TransformRequest& request,
                         PixelPlan& plan) {
  if (request.raw_only || !request.keeps_layers) return {};
  const Region& region = plan.reduction.region;
  for (std::size_t i = 0; i < recording.layers.size(); ++i) {
    const LayerFacts& layer = recording.layers[i];
    const bool same_size = layer.shape.height_px == recording.shape.height_px &&
                           layer.shape.width_px == recording.shape.width_px;
    if (!same_size) continue;
    ReductionSpec spec;
    spec.roi = RegionSpec{region.y_start, region.y_stop, region.x_start, region.x_stop};
    if (!layer.is_mask) {
      spec.bin = plan.reduction.bin;
      spec.bin_mode = plan.reduction.bin_mode;
    }
    auto reduction = make_plan(layer.shape, spec, std::nullopt);
    if (!reduction) return std::unexpected(reduction.error());
    plan.kept_layers.push_back({i, std::move(*reduction)});
  }
  return {};
}

/// 1 where any pixel of a bin is; `mask` has the bins of `bins` without a rest.
void bin_mask(std::span<const std::byte> mask, const Binning& bin, const FrameShape& bins,
              std::span<std::byte> into) {
  std::ranges::fill(into, std::byte{0});
  const std::size_t width = std::size_t{bins.width_px} * bin.columns;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const std::size_t at = i / width / bin.rows * bins.width_px + i % width / bin.columns;
    if (mask[i] != std::byte{0}) into[at] = std::byte{1};
  }
}

/// What stands for a frame that is not there: NaN, or 0 of integers.
std::vector<std::byte> missing_of(const FrameShape& shape) {
  std::vector<std::byte> pixels(size_bytes(shape));
  if (is_float(shape.type)) {
    const std::vector<double> nan(std::size_t{shape.height_px} * shape.width_px,
                                  std::numeric_limits<double>::quiet_NaN());
    store_values(shape.type, nan, pixels);
  }
  return pixels;
}

}  // namespace

Result<PixelPlan> plan_pixels(const RecordingFacts& recording, const TransformRequest& request) {
  if (auto good = check_region(request, recording.shape); !good) {
    return std::unexpected(good.error());
  }
  PixelPlan plan;
  plan.truncate = request.truncate;
  plan.renormalise = request.renormalise;
  // What a renormalisation clips is counted, and no error.
  plan.saturate = request.saturate || request.renormalise.has_value();
  if (!request.raw_only) {
    auto filters = check_filters(request.filters);
    if (!filters) return std::unexpected(filters.error());
    plan.filters = std::move(*filters);
  }
  ReductionSpec spec;
  spec.roi = region_of(request);
  spec.bin = request.bin;
  spec.bin_mode = request.bin_mode;
  auto binned = make_plan(recording.shape, spec, recording.saturation);
  if (!binned) return std::unexpected(binned.error());
  plan.binned = plan.filtered = binned->output;
  if (!plan.filters.empty()) plan.filtered.type = filtered_type(plan.binned.type);
  plan.is_direct = plan.filters.empty() && request.mask.empty() && !request.truncate;
  if (plan.is_direct) {
    spec.dtype = request.dtype;
    spec.renormalise = request.renormalise;
    binned = make_plan(recording.shape, spec, recording.saturation);
    if (!binned) return std::unexpected(binned.error());
  }
  plan.reduction = std::move(*binned);
  plan.output = plan.reduction.output;
  if (!plan.is_direct) {
    if (auto added = add_conversion(request, plan); !added) return std::unexpected(added.error());
  }
  if (auto added = add_mask(request, plan); !added) return std::unexpected(added.error());
  if (auto kept = keep_layers(recording, request, plan); !kept) {
    return std::unexpected(kept.error());
  }
  return plan;
}

FrameMaker::FrameMaker(const PixelPlan& plan, const std::vector<LayerFacts>& layers)
    : plan_(plan), reducer_(plan.reduction) {
  source_.resize(size_bytes(plan.reduction.source));
  if (plan.is_direct) {
    if (!plan.reduction.identity) output_.resize(size_bytes(plan.output));
  } else {
    if (!plan.reduction.identity) binned_.resize(size_bytes(plan.binned));
    output_.resize(size_bytes(plan.output));
    if (!plan.truncate) converter_.emplace(*plan.conversion);
    if (plan.truncate || !plan.mask.empty()) observer_.emplace(observer_of(plan.output));
  }
  if (!plan.filters.empty()) {
    chain_.emplace(plan.filters, plan.binned.height_px, plan.binned.width_px);
    values_.resize(std::size_t{plan.binned.height_px} * plan.binned.width_px);
    filtered_.resize(size_bytes(plan.filtered));
  }
  for (const LayerFacts& layer : layers) {
    layers_.emplace_back(size_bytes(layer.shape));
    layer_shapes_.push_back(layer.shape);
  }
  for (const KeptLayer& kept : plan.kept_layers) layer_reducers_.emplace_back(kept.reduction);
}

Result<void> FrameMaker::make(Recording& recording, std::uint64_t frame, DoneFrame& done) {
  if (auto read = recording.read(frame, source_); !read) return read;
  done.layers.clear();
  done.statistics = reducer_.run(source_, plan_.is_direct ? output_ : binned_);
  done.pixels = output_;
  if (plan_.is_direct && plan_.reduction.identity) done.pixels = source_;
  if (!plan_.is_direct) {
    const std::uint32_t clipped = done.statistics.clipped;
    const std::uint32_t saturated = done.statistics.saturated;
    done.statistics = filter_and_convert(done);
    done.statistics.saturated = saturated;
    done.statistics.clipped += clipped;
  }
  if (done.statistics.clipped > 0 && !plan_.saturate && !plan_.truncate) {
    return does_not_fit(frame);
  }
  return take_layers(recording, frame, done);
}

FrameStatistics FrameMaker::filter_and_convert(DoneFrame& done) {
  std::span<const std::byte> pixels = plan_.reduction.identity ? source_ : binned_;
  if (chain_) pixels = filter(pixels, done);
  FrameStatistics statistics;
  if (plan_.truncate) {
    convert_truncating(plan_.filtered.type, pixels, plan_.output.type, plan_.renormalise, output_);
  } else {
    statistics = converter_->run(
        pixels, plan_.conversion->identity ? std::span<std::byte>{} : std::span(output_));
    if (plan_.conversion->identity) std::ranges::copy(pixels, output_.begin());
  }
  if (!observer_) return statistics;
  put_mask();
  const std::uint32_t clipped = statistics.clipped;
  statistics = observer_->run(output_, {});
  statistics.clipped = clipped;
  return statistics;
}

std::span<const std::byte> FrameMaker::filter(std::span<const std::byte> pixels, DoneFrame& done) {
  load_values(plan_.binned.type, pixels, values_);
  if (layers_.empty()) {  // Nobody takes them, as where the axes are in another order.
    chain_->apply(values_);
    store_values(plan_.filtered.type, values_, filtered_);
    return filtered_;
  }
  // Layers: the frame before the first step of all, and one of each step.
  std::size_t layer = 0;
  if (!plan_.is_processed) {
    store_values(plan_.filtered.type, values_, layers_[layer]);
    done.layers.emplace_back(layers_[layer++]);
  }
  for (const FilterChain::Layer& step : chain_->run(values_)) {
    if (step.mask.empty()) {
      store_values(plan_.filtered.type, step.values, layers_[layer]);
    } else {
      std::memcpy(layers_[layer].data(), step.mask.data(), step.mask.size());
    }
    done.layers.emplace_back(layers_[layer++]);
  }
  store_values(plan_.filtered.type, values_, filtered_);
  return filtered_;
}

void FrameMaker::put_mask() {
  const std::size_t bytes = size_bytes(plan_.output.type);
  std::array<std::byte, 8> masked{};
  if (plan_.output.type == PixelType::kFloat32) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(masked.data(), &nan, sizeof nan);
  } else if (plan_.output.type == PixelType::kFloat64) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    std::memcpy(masked.data(), &nan, sizeof nan);
  }
  for (std::size_t i = 0; i < plan_.mask.size(); ++i) {
    if (plan_.mask[i] != 0) std::memcpy(output_.data() + i * bytes, masked.data(), bytes);
  }
}

Result<void> FrameMaker::take_layers(Recording& recording, std::uint64_t frame, DoneFrame& done) {
  for (std::size_t i = 0; i < plan_.kept_layers.size(); ++i) {
    const auto& [index, reduction] = plan_.kept_layers[i];
    const bool is_mask = recording.facts().layers[index].is_mask;
    std::vector<std::byte>& layer = layers_[done.layers.size()];
    layer_source_.resize(size_bytes(reduction.source));
    if (auto read = recording.read_layer(index, frame, layer_source_); !read) return read;
    layer_cut_.resize(reduction.identity ? 0 : size_bytes(reduction.output));
    if (!reduction.identity) static_cast<void>(layer_reducers_[i].run(layer_source_, layer_cut_));
    const auto& cut = reduction.identity ? layer_source_ : layer_cut_;
    if (is_mask && plan_.reduction.bin != Binning{}) {
      bin_mask(cut, plan_.reduction.bin, plan_.binned, layer);
    } else {
      std::ranges::copy(cut, layer.begin());
    }
    done.layers.emplace_back(layer);
  }
  return {};
}

void FrameMaker::make_missing(DoneFrame& done) {
  if (missing_.empty()) {
    missing_ = missing_of(plan_.output);
    for (const FrameShape& shape : layer_shapes_) missing_layers_.push_back(missing_of(shape));
  }
  done.pixels = missing_;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  done.statistics = is_float(plan_.output.type) ? FrameStatistics{kNan, kNan, kNan, kNan, 0, 0, 0}
                                                : FrameStatistics{};
  done.layers.clear();
  for (const std::vector<std::byte>& layer : missing_layers_) done.layers.emplace_back(layer);
}

bool FrameMaker::exchange(const DoneFrame& done, std::vector<std::byte>& pixels) {
  std::vector<std::byte>& made = done.pixels.data() == source_.data() ? source_ : output_;
  if (made.empty() || done.pixels.data() != made.data()) return false;
  pixels.resize(made.size());
  made.swap(pixels);
  return true;
}

/// Finds the first value that did not fit, for people.
std::unexpected<Error> FrameMaker::does_not_fit(std::uint64_t frame) {
  const FrameShape& shape = plan_.filtered;
  std::vector<double> values(std::size_t{shape.height_px} * shape.width_px);
  if (!plan_.is_direct && !plan_.filters.empty()) {
    load_values(shape.type, filtered_, values);
  } else {
    ReductionSpec spec;
    const Region& region = plan_.reduction.region;
    spec.roi = RegionSpec{region.y_start, region.y_stop, region.x_start, region.x_stop};
    spec.bin = plan_.reduction.bin;
    spec.bin_mode = plan_.reduction.bin_mode;
    const auto plan = make_plan(plan_.reduction.source, spec, std::nullopt);
    std::vector<std::byte> binned(size_bytes(plan->output));
    Reducer reducer(*plan);
    static_cast<void>(reducer.run(source_, plan->identity ? std::span<std::byte>{} : binned));
    load_values(plan->output.type, plan->identity ? source_ : binned, values);
  }
  const PixelType type = plan_.output.type;
  const double most =
      type == PixelType::kFloat32 ? std::numeric_limits<float>::max() : largest_value(type);
  const double least = is_float(type) ? -most : is_signed(type) ? -most - 1 : 0;
  const auto found = std::ranges::find_if(values, [&](double value) {
    const double rounded = is_float(type) ? value : std::round(value);
    return !(rounded >= least && rounded <= most) && !(is_float(type) && std::isnan(value));
  });
  const auto index = static_cast<std::size_t>(found - values.begin());
  const std::string text =
      found == values.end()
          ? "a sum"
          : fmt::format("{} at y={}, x={}", *found, index / shape.width_px, index % shape.width_px);
  return fail(ErrorCode::kInvalid, "--dtype:",
              fmt::format("frame {}: {} does not fit {} (allowed: a larger type, or --saturate)",
                          frame, text, name_of(type)));
}

}  // namespace framelog
