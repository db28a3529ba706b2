#include <algorithm>
#include <cmath>
#include <map>

#include "export/filter_fit.hpp"
#include "export/filter_smooth.hpp"
#include "export/filters.hpp"

namespace framelog {
namespace {

/// Parameter of a step that check_filters() has completed.
std::optional<double> value_of(const FilterStep& step, std::string_view name) {
  for (const auto& [key, value] : step.parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

/// As numpy.median() has it.
double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

struct FilterChain::State {
  std::vector<FilterStep> steps;
  std::uint32_t height{};
  std::uint32_t width{};
  std::map<std::uint32_t, PolynomialFit> fits;  ///< By their order.
  std::vector<std::uint8_t> marked;             ///< Empty: nothing is.
  std::vector<std::vector<double>> values;      ///< Behind each step.
  std::vector<std::vector<std::uint8_t>> masks;
  std::vector<Layer> layers;
  std::vector<double> scratch;

  [[nodiscard]] bool counts(std::span<const double> pixels, std::size_t at) const {
    return std::isfinite(pixels[at]) && (marked.empty() || marked[at] == 0);
  }

  void fit(std::span<double> pixels, std::uint32_t order) {
    fits.try_emplace(order, order, height, width).first->second.subtract(pixels, marked);
  }

  void align_rows(std::span<double> pixels) {
    for (std::uint32_t y = 0; y < height; ++y) {
      scratch.clear();
      for (std::size_t at = std::size_t{y} * width; at < std::size_t{y + 1} * width; ++at) {
        if (counts(pixels, at)) scratch.push_back(pixels[at]);
      }
      if (scratch.empty()) continue;
      const double shift = median_of(scratch);
      for (double& pixel : pixels.subspan(std::size_t{y} * width, width)) pixel -= shift;
    }
  }

  struct Moments {
    double mean{};
    double deviation{};
  };
  [[nodiscard]] Moments moments(std::span<const double> pixels) const {
    double sum = 0;
    double squares = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (!counts(pixels, i)) continue;
      sum += pixels[i];
      ++count;
    }
    if (count == 0) return {};
    const double mean = sum / static_cast<double>(count);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (counts(pixels, i)) squares += (pixels[i] - mean) * (pixels[i] - mean);
    }
    return {mean, std::sqrt(squares / static_cast<double>(count))};
  }

  template <class Is>
  void mark(std::span<const double> pixels, Is is_marked) {
    marked.resize(pixels.size());
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (std::isfinite(pixels[i]) && is_marked(pixels[i])) marked[i] = 1;
    }
  }

  void mark_threshold(std::span<const double> pixels, const FilterStep& step) {
    const auto above = value_of(step, "above");
    const auto below = value_of(step, "below");
    mark(pixels,
         [&](double value) { return (above && value > *above) || (below && value < *below); });
  }

  void apply(const FilterStep& step, std::span<double> pixels) {
    const auto whole = [&](std::string_view name) {
      return static_cast<std::uint32_t>(value_of(step, name).value_or(0));
    };
    if (step.name == "remove_plane") {
      fit(pixels, 1);
    } else if (step.name == "flatten") {
      fit(pixels, whole("order"));
    } else if (step.name == "row_median_align") {
      align_rows(pixels);
    } else if (step.name == "zero_mean") {
      const double mean = moments(pixels).mean;
      for (double& pixel : pixels) pixel -= mean;
    } else if (step.name == "gaussian") {
      gaussian(pixels, height, width, value_of(step, "sigma").value_or(1), scratch);
    } else if (step.name == "median") {
      median(pixels, height, width, whole("size"), scratch);
    } else if (step.name == "mask_threshold") {
      mark_threshold(pixels, step);
    } else if (step.name == "mask_mean_offset") {
      const Moments all = moments(pixels);
      const double bound = value_of(step, "factor").value_or(1) * all.deviation;
      mark(pixels, [&](double value) { return value - all.mean > bound; });
    } else if (step.name == "mask_adjacency") {
      marked.resize(pixels.size());
      grow(marked, height, width, whole("distance"));
    }
  }
};

FilterChain::FilterChain(std::vector<FilterStep> steps, std::uint32_t height_px,
                         std::uint32_t width_px)
    : state_(std::make_unique<State>()) {
  state_->steps = std::move(steps);
  state_->height = height_px;
  state_->width = width_px;
  state_->values.resize(state_->steps.size());
  state_->masks.resize(state_->steps.size());
  state_->layers.resize(state_->steps.size());
}

FilterChain::~FilterChain() = default;
FilterChain::FilterChain(FilterChain&&) noexcept = default;
FilterChain& FilterChain::operator=(FilterChain&&) noexcept = default;

std::span<const FilterChain::Layer> FilterChain::run(std::span<double> pixels) {
  State& state = *state_;
  state.marked.clear();
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    state.apply(state.steps[i], pixels);
    state.layers[i] = {};
    if (find_filter(state.steps[i].name)->is_mask) {
      state.masks[i] = state.marked;
      state.layers[i].mask = state.masks[i];
    } else {
      state.values[i].assign(pixels.begin(), pixels.end());
      state.layers[i].values = state.values[i];
    }
  }
  return state.layers;
}

void FilterChain::apply(std::span<double> pixels) {
  state_->marked.clear();
  for (const FilterStep& step : state_->steps) state_->apply(step, pixels);
}

const std::vector<FilterStep>& FilterChain::steps() const noexcept { return state_->steps; }

}  // namespace framelog
