#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/file_system.hpp"
#include "export/filters.hpp"
#include "export/result_plan.hpp"
#include "reduce/reducer.hpp"

/// Private to the result_*.cpp files of this folder.
namespace framelog {

/// What became of one frame; borrowed until the next.
struct DoneFrame {
  std::span<const std::byte> pixels;
  FrameStatistics statistics;
  std::vector<std::span<const std::byte>> layers;
};

/// Makes frames of a result from those of the recording. Threads: one.
class FrameMaker {
 public:
  /// `plan` outlives it; `layers` are those of the result.
  FrameMaker(const PixelPlan& plan, const std::vector<LayerFacts>& layers);

  /// Errors: of reading; kInvalid, a value that the type does not hold.
  [[nodiscard]] Result<void> make(Recording& recording, std::uint64_t frame, DoneFrame& done);
  /// Pixels of a point that has no frame.
  void make_missing(DoneFrame& done);
  /// Exchanges the memory of the pixels that make() has made for that of `pixels`; false where they
  /// are those of a point that has no frame.
  [[nodiscard]] bool exchange(const DoneFrame& done, std::vector<std::byte>& pixels);

 private:
  [[nodiscard]] FrameStatistics filter_and_convert(DoneFrame& done);
  [[nodiscard]] std::span<const std::byte> filter(std::span<const std::byte> pixels,
                                                  DoneFrame& done);
  void put_mask();
  [[nodiscard]] Result<void> take_layers(Recording& recording, std::uint64_t frame,
                                         DoneFrame& done);
  [[nodiscard]] std::unexpected<Error> does_not_fit(std::uint64_t frame);

  const PixelPlan& plan_;
  Reducer reducer_;
  std::optional<Reducer> converter_;
  std::optional<Reducer> observer_;  ///< Of the output, where the converter does not see it last.
  std::optional<FilterChain> chain_;
  std::vector<std::byte> source_, binned_, filtered_, output_;
  std::vector<double> values_;
  std::vector<std::vector<std::byte>> layers_;
  std::vector<std::byte> layer_source_, layer_cut_;
  std::vector<Reducer> layer_reducers_;  ///< Of the kept layers.
  std::vector<std::byte> missing_;
  std::vector<FrameShape> layer_shapes_;
  std::vector<std::vector<std::byte>> missing_layers_;  ///< Made with missing_.
};

/// From and to float64, in the order of the pixels.
void load_values(PixelType type, std::span<const std::byte> pixels, std::span<double> values);
/// Rounds to float32; only for the float types.
void store_values(PixelType type, std::span<const double> values, std::span<std::byte> pixels);

/// Which pixels of the output are masked: those with a masked source pixel. `source` is of the
/// recording's frames.
[[nodiscard]] std::vector<std::uint8_t> mask_of_output(std::span<const double> source,
                                                       const ReductionPlan& plan);

/// ilastik's conversion: float32 arithmetic min_out + (a - min_in) * (spread_out / spread_in), the
/// result truncated, and wrapping where it does not fit (lazyflow, OpPixelOperator). Pixels of
/// `from` become pixels of `to`.
void convert_truncating(PixelType from, std::span<const std::byte> pixels, PixelType to,
                        const std::optional<Renormalisation>& map, std::span<std::byte> into);

}  // namespace framelog
