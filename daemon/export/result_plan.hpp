#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "export/recording.hpp"
#include "export/request.hpp"
#include "export/result_frames.hpp"
#include "reduce/plan.hpp"

/// Private to the result_*.cpp files of this folder.
namespace framelog {

/// Frames of a result before its axes are put in order: n_t x n_sy x n_sx of them. Without a scan
/// the last two are 1.
struct FrameGrid {
  bool is_scan{};
  IndexRange time;  ///< Frames, or scans.
  std::uint64_t every{1};
  std::array<IndexRange, 2> scan{IndexRange{0, 1}, IndexRange{0, 1}};
  std::array<std::uint64_t, 2> subsample{1, 1};

  /// n_t, n_sy, n_sx.
  [[nodiscard]] std::array<std::uint64_t, 3> sizes() const noexcept;
  [[nodiscard]] std::uint64_t frames() const noexcept;
};

/// A layer of the recording that goes through with its frames.
struct KeptLayer {
  std::size_t layer{};      ///< In RecordingFacts::layers.
  ReductionPlan reduction;  ///< Cut and bin, as of the frames; masks are only cut.
};

/// How a frame of the recording becomes one of the result.
struct PixelPlan {
  ReductionPlan reduction;  ///< Cut and bin; where nothing else happens, the rest as well.
  bool is_direct{};         ///< `reduction` is all.
  std::vector<FilterStep> filters;
  FrameShape binned;                        ///< Behind cut and bin.
  FrameShape filtered;                      ///< Behind the filters.
  std::optional<ReductionPlan> conversion;  ///< From there on.
  FrameShape output;
  std::vector<std::uint8_t> mask;  ///< Of the output's pixels, 1 where masked; empty: none is.
  std::optional<Renormalisation> renormalise;
  bool truncate{};
  bool saturate{};
  std::vector<KeptLayer> kept_layers;
  bool is_processed{};  ///< In the recording already: the frame before the filters is no `raw`.
};

/// Where the axes of the result come from.
struct OrderPlan {
  /// Sizes of t, sy, sx, y, x, and how many elements of the result lie between two neighbours along
  /// each; 0 where the axis is left out.
  std::array<std::uint64_t, 5> sizes{};
  std::array<std::uint64_t, 5> strides{};
  bool whole_frames{};  ///< The last two axes are y, x.
};

struct ResultPlan {
  FrameGrid grid;
  PixelPlan pixels;
  OrderPlan order;
  ResultFacts facts;
};

/// Errors: as plan_result().
[[nodiscard]] Result<ResultPlan> make_result_plan(Recording& recording,
                                                  const TransformRequest& request);

/// The parts of it, in this order.
[[nodiscard]] Result<FrameGrid> plan_grid(Recording& recording, const TransformRequest& request);
[[nodiscard]] Result<PixelPlan> plan_pixels(const RecordingFacts& recording,
                                            const TransformRequest& request);
/// Axes of the facts in the order asked for. Errors: kInvalid.
[[nodiscard]] Result<OrderPlan> plan_order(const std::vector<AxisFacts>& canonical,
                                           const std::vector<Axis>& wanted, ResultFacts& facts);

}  // namespace framelog
