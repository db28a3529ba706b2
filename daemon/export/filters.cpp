#include "export/filters.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/text.hpp"

// Names, parameters and ranges of the processing steps.
namespace framelog {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr std::string_view kVersion = "1.0.0";

constexpr std::array<FilterParameter, 1> kFlatten{{{"order", 0, 6, 2, true, false}}};
constexpr std::array<FilterParameter, 1> kGaussian{{{"sigma", 0.01, 1000, 1, false, false}}};
constexpr std::array<FilterParameter, 1> kMedian{{{"size", 1, 99, 3, true, false}}};
constexpr std::array<FilterParameter, 2> kThreshold{
    {{"above", -kLargest, kLargest, 0, false, true},
     {"below", -kLargest, kLargest, 0, false, true}}};
constexpr std::array<FilterParameter, 1> kOffset{{{"factor", 0, 1000, 1, false, false}}};
constexpr std::array<FilterParameter, 1> kAdjacency{{{"distance", 1, 1000, 1, true, false}}};

constexpr std::array<Filter, 9> kFilters{{
    {"remove_plane", "subtracts the plane that fits best", kVersion, false, {}},
    {"row_median_align", "subtracts from each row its median", kVersion, false, {}},
    {"flatten", "subtracts the polynomial in y and x that fits best", kVersion, false, kFlatten},
    {"zero_mean", "subtracts the mean", kVersion, false, {}},
    {"gaussian", "blurs; sigma in pixels", kVersion, false, kGaussian},
    {"median", "the median of size x size pixels", kVersion, false, kMedian},
    {"mask_threshold", "marks what is above or below a value", kVersion, true, kThreshold},
    {"mask_mean_offset", "marks what is above the mean by factor standard deviations", kVersion,
     true, kOffset},
    {"mask_adjacency", "marks what is near to what is marked", kVersion, true, kAdjacency},
}};

std::unexpected<Error> wrong(std::string_view text, const std::string& reason) {
  return fail(ErrorCode::kInvalid, "--process:", fmt::format("{}: {}", in_quotes(text), reason));
}

std::string names_of(std::span<const FilterParameter> parameters) {
  std::vector<std::string_view> names;
  for (const FilterParameter& parameter : parameters) names.push_back(parameter.name);
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::string all_names() {
  std::vector<std::string_view> names;
  for (const Filter& filter : kFilters) names.push_back(filter.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<void> check_value(const FilterStep& step, const FilterParameter& parameter, double value) {
  const bool in_range = value >= parameter.least && value <= parameter.most;
  if (in_range && (!parameter.whole || value == std::floor(value))) return {};
  return wrong(step.name, fmt::format("{} is {} (allowed: {} {} to {})", parameter.name, value,
                                      parameter.whole ? "whole numbers from" : "numbers from",
                                      parameter.least, parameter.most));
}

Result<FilterStep> complete(const FilterStep& step) {
  const Filter* filter = find_filter(step.name);
  if (filter == nullptr) {
    return wrong(step.name, fmt::format("unknown step (allowed: {})", all_names()));
  }
  FilterStep whole{std::string(filter->name), {}};
  for (const FilterParameter& parameter : filter->parameters) {
    const auto given =
        std::ranges::find(step.parameters, parameter.name, &std::pair<std::string, double>::first);
    if (given == step.parameters.end() && parameter.optional) continue;
    const double value = given == step.parameters.end() ? parameter.fallback : given->second;
    if (auto good = check_value(step, parameter, value); !good) {
      return std::unexpected(good.error());
    }
    whole.parameters.emplace_back(parameter.name, value);
  }
  for (auto given = step.parameters.begin(); given != step.parameters.end(); ++given) {
    const bool twice = std::find_if(step.parameters.begin(), given, [&](const auto& before) {
                         return before.first == given->first;
                       }) != given;
    const bool known = std::ranges::find(filter->parameters, given->first,
                                         &FilterParameter::name) != filter->parameters.end();
    if (known && !twice) continue;
    return wrong(step.name, fmt::format("{} {} (allowed: {})", given->first,
                                        twice ? "is there twice" : "is no parameter of it",
                                        names_of(filter->parameters)));
  }
  if (whole.parameters.empty() && !filter->parameters.empty()) {
    return wrong(step.name, fmt::format("it needs {}", names_of(filter->parameters)));
  }
  return whole;
}

Result<FilterStep> parse_step(std::string_view text) {
  FilterStep step;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    if (step.name.empty()) {
      step.name = word;
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string_view number = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} || end != number.data() + number.size() || !std::isfinite(value)) {
      return wrong(text, fmt::format("{} is no NAME=NUMBER", in_quotes(word)));
    }
    step.parameters.emplace_back(word.substr(0, equals), value);
  }
  if (step.name.empty()) return wrong(text, fmt::format("no step (allowed: {})", all_names()));
  if (step.name == "align_rows") step.name = "row_median_align";
  return step;
}

}  // namespace

std::span<const Filter> filter_table() noexcept { return kFilters; }

const Filter* find_filter(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kFilters, name, &Filter::name);
  return found == kFilters.end() ? nullptr : found;
}

Result<std::vector<FilterStep>> check_filters(std::span<const FilterStep> steps) {
  std::vector<FilterStep> whole;
  for (const FilterStep& step : steps) {
    auto one = complete(step);
    if (!one) return std::unexpected(one.error());
    whole.push_back(std::move(*one));
  }
  return whole;
}

Result<std::vector<FilterStep>> parse_filters(std::string_view text) {
  std::vector<FilterStep> steps;
  std::string_view rest = trim(text);
  if (rest.ends_with(';')) rest.remove_suffix(1);
  for (const std::string_view part : split(rest, ';')) {
    auto step = parse_step(part);
    if (!step) return std::unexpected(step.error());
    steps.push_back(std::move(*step));
  }
  return check_filters(steps);
}

}  // namespace framelog
