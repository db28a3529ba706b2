// The sums of detectors for every pixel type: the reference of the vector kernels.

#include <bit>
#include <cmath>
#include <type_traits>

#include "reduce/detector_kernel.hpp"
#include "reduce/pixel.hpp"

namespace framelog {
namespace {

template <class Pixel>
using PieceSum = std::conditional_t<
    std::is_floating_point_v<Pixel>, double,
    std::conditional_t<sizeof(Pixel) == 8, Int128,
                       std::conditional_t<std::is_signed_v<Pixel>, std::int64_t, std::uint64_t>>>;

template <class Pixel>
PieceSum<Pixel> sum_piece(const std::byte* block, unsigned bits) {
  PieceSum<Pixel> sum{};
  for (; bits != 0; bits &= bits - 1) {
    const auto pixel = load_pixel<Pixel>(block, static_cast<std::size_t>(std::countr_zero(bits)));
    if constexpr (std::is_floating_point_v<Pixel>) {
      if (std::isnan(pixel)) continue;
    }
    sum += static_cast<PieceSum<Pixel>>(pixel);
  }
  return sum;
}

template <class Pixel>
void sum_areas(const DetectorJob& job, AreaSums& sums) noexcept {
  const DetectorPiece* piece = job.pieces;
  for (std::size_t i = 0; i < job.run_count; ++i) {
    const DetectorRun& run = job.runs[i];
    PieceSum<Pixel> sum{};
    for (std::size_t k = 0; k < run.pieces; ++k, ++piece) {
      sum += sum_piece<Pixel>(job.frame + std::size_t{piece->block} * kBlockPixels * sizeof(Pixel),
                              piece->bits);
    }
    if constexpr (std::is_floating_point_v<Pixel>) {
      sums.floats[run.area] += sum;
    } else {
      sums.integers[run.area] += static_cast<Int128>(sum);
    }
  }
}

}  // namespace

DetectorKernel plain_detector(PixelType type) noexcept {
  return with_pixel_type(type, []<class Pixel>(std::type_identity<Pixel>) -> DetectorKernel {
    return sum_areas<Pixel>;
  });
}

}  // namespace framelog
