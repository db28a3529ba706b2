#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "export/recording.hpp"
#include "export/result_frames.hpp"

/// Private to the result_*.cpp files of this folder.
namespace framelog {

/// Of each pixel over all frames. NaN counts in none of them. Sums of integers are exact up to
/// 2^53, beyond that, and of floats, compensated (Neumaier).
class PixelMoments {
 public:
  explicit PixelMoments(const FrameShape& shape);
  /// The same pixels twice: as they are, and as numbers.
  void add(std::span<const std::byte> pixels, std::span<const double> values);

  /// In the type of the frames; 0 or NaN where there was no value.
  [[nodiscard]] std::vector<std::byte> max() const { return max_; }
  [[nodiscard]] std::vector<std::byte> min() const { return min_; }
  [[nodiscard]] std::vector<double> sum() const;
  [[nodiscard]] std::vector<double> mean() const;
  /// Population standard deviation.
  [[nodiscard]] std::vector<double> deviation() const;

 private:
  FrameShape shape_;
  std::vector<std::byte> max_, min_;
  std::vector<double> largest_, least_;
  std::vector<std::uint64_t> counts_;
  std::vector<double> sums_, lost_;         ///< What the sums lost to rounding.
  std::vector<double> means_, deviations_;  ///< Welford: running mean, sum of squared deviations.
};

/// Images of a scan: of detectors, of single patterns, their sum and mean.
[[nodiscard]] Result<std::vector<DerivedImage>> scan_images(Recording& recording,
                                                            ResultFrames& result,
                                                            const ViewRequest& view);

}  // namespace framelog
