#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"
#include "export/request.hpp"

namespace framelog {

/// A parameter of a step.
struct FilterParameter {
  std::string_view name;
  double least{}, most{};
  double fallback{};
  bool whole{};     ///< Only whole numbers.
  bool optional{};  ///< Without it the step does without.
};

/// One row of the table of processing steps. What they do is described in playNano's documentation
/// (processing): levelling and smoothing of height images, and masks of what is not background.
struct Filter {
  std::string_view name;
  std::string_view help;  ///< One line.
  std::string_view version;
  bool is_mask{};  ///< It changes no pixel: those that it marks do not count in the fits behind it.
  std::span<const FilterParameter> parameters;
};

[[nodiscard]] std::span<const Filter> filter_table() noexcept;
[[nodiscard]] const Filter* find_filter(std::string_view name) noexcept;

/// "remove_plane; gaussian sigma=1.5". `align_rows` is row_median_align. Parameters that are not
/// given are those by default. Errors: kInvalid with what is allowed.
[[nodiscard]] Result<std::vector<FilterStep>> parse_filters(std::string_view text);
/// The same of steps that were made by hand: names, parameters and ranges. The result has all
/// parameters.
[[nodiscard]] Result<std::vector<FilterStep>> check_filters(std::span<const FilterStep> steps);

/// Steps applied to one frame after the other. All arithmetic is in float64. NaN counts in no fit;
/// gaussian and median give NaN where one is near. Threads: one.
class FilterChain {
 public:
  /// `steps` as check_filters() gives them.
  FilterChain(std::vector<FilterStep> steps, std::uint32_t height_px, std::uint32_t width_px);
  ~FilterChain();
  FilterChain(FilterChain&&) noexcept;
  FilterChain& operator=(FilterChain&&) noexcept;
  FilterChain(const FilterChain&) = delete;
  FilterChain& operator=(const FilterChain&) = delete;

  struct Layer {
    std::span<const double> values;      ///< Behind the step, where it changes pixels.
    std::span<const std::uint8_t> mask;  ///< Of a mask: 1 where this step or one before marks.
  };
  /// Replaces `pixels` (height x width, rows in order) by what the last step gives. One layer per
  /// step, borrowed until the next call.
  [[nodiscard]] std::span<const Layer> run(std::span<double> pixels);
  /// The same without layers, which takes no memory for them.
  void apply(std::span<double> pixels);
  [[nodiscard]] const std::vector<FilterStep>& steps() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace framelog
