#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"
#include "reduce/plan.hpp"

namespace framelog {

/// A virtual detector's area, in source pixels: the centre of the source's pixel 0 is at 0,
/// distances are those between pixel centres, all bounds half-open.
struct Disc {
  double center_y{};
  double center_x{};
  double outer{};  ///< A pixel belongs to it whose centre is nearer than this.
};
struct Annulus {
  double center_y{};
  double center_x{};
  double inner{};  ///< inner <= distance < outer
  double outer{};
};
struct Rectangle {
  Region region;
};
struct Mask {  ///< A pixel belongs to it where `values` is not 0; of the source frame's size.
  std::uint32_t height_px{};
  std::uint32_t width_px{};
  std::vector<std::uint8_t> values;
};
struct DetectorSpec {
  std::string name;
  std::variant<Disc, Annulus, Rectangle, Mask> area;
};

/// Sums the output pixels of a product over each of its detectors. An output pixel belongs to a
/// detector when its centre, in source pixels, lies within; of a mask, when more than half of its
/// source pixels do. Immutable.
class DetectorSet {
 public:
  /// Errors: kInvalid with the detector's name: radii that are negative, not finite or in the wrong
  /// order, a rectangle that reaches outside the source frame, a mask of another size than the
  /// source frame, an area without a pixel of the product.
  [[nodiscard]] static Result<DetectorSet> make(const ReductionPlan& plan,
                                                std::span<const DetectorSpec> detectors);
  DetectorSet();
  ~DetectorSet();
  DetectorSet(DetectorSet&&) noexcept;
  DetectorSet& operator=(DetectorSet&&) noexcept;
  DetectorSet(const DetectorSet&);
  DetectorSet& operator=(const DetectorSet&);

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::uint64_t pixels(std::size_t detector) const noexcept;  ///< Of the product.
  /// One sum per detector into `sums` (size()) of a frame of plan.output. Integer sums are exact
  /// up to rounding to float64 once; floats add up in float64 and skip NaN (of none but NaN the sum
  /// is 0). Threads: any. Allocates nothing.
  void sum(std::span<const std::byte> frame, std::span<double> sums) const noexcept;

 private:
  struct State;
  std::shared_ptr<const State> state_;  // Shared: the reducers of all threads use one table.
};

}  // namespace framelog
