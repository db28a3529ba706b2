#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// An image that a correction is made of: rows in order.
struct CorrectionImage {
  std::uint32_t height_px{};
  std::uint32_t width_px{};
  std::vector<double> values;
};

/// Makes frames comparable: what the detector shows without light is subtracted, what it shows of
/// even light is divided out, and bad pixels become the median of their good neighbours.
///
///   corrected = (pixel - dark) / (flat - dark)       with a flat, which is as recorded
///   corrected = pixel - dark                         without
///
/// A pixel is bad where `bad_pixels` is not 0, where dark or flat is not finite, and where flat and
/// dark are equal: it has no gain. Neighbours are the good ones of the 3 x 3 pixels around it, or
/// 5 x 5 where there is none, and so on; of an even number of them the median is the mean of the
/// middle two (integers: rounded half away from zero). Arithmetic in float64, rounded once to the
/// type of the result. Immutable; threads: any.
class Correction {
 public:
  /// Images that are not there are nullopt; at least one is. Errors: kInvalid with `what` one of
  /// "dark", "flat", "bad_pixels": images of another size than the frame, no good pixel at all (an
  /// all-zero flat without a dark has none).
  [[nodiscard]] static Result<std::shared_ptr<const Correction>> make(
      const FrameShape& source, const std::optional<CorrectionImage>& dark,
      const std::optional<CorrectionImage>& flat, const std::optional<CorrectionImage>& bad_pixels);
  ~Correction();
  Correction(const Correction&) = delete;
  Correction& operator=(const Correction&) = delete;

  [[nodiscard]] const FrameShape& source() const noexcept;
  [[nodiscard]] PixelType output_type() const noexcept;
  [[nodiscard]] std::uint64_t bad_pixels() const noexcept;  ///< How many.
  /// One byte per source pixel, 1 where it is bad; rows in order.
  [[nodiscard]] std::span<const std::uint8_t> mask() const noexcept;
  [[nodiscard]] bool has_dark() const noexcept;
  [[nodiscard]] bool has_flat() const noexcept;

  /// Corrects `region` of `frame` (a whole source frame) into `output`: the region's rows one
  /// behind the other, of output_type(). Allocates nothing.
  void apply(std::span<const std::byte> frame, const Region& region,
             std::span<std::byte> output) const noexcept;

 private:
  struct State;
  explicit Correction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace framelog
