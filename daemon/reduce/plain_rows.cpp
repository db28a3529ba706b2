// What is done to single rows, for every pixel type: the reference of the vector kernels.

#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>

#include "reduce/kernel.hpp"
#include "reduce/pixel.hpp"

namespace framelog {
namespace {

template <class Pixel>
std::uint64_t count_saturated(const KernelJob& job, const std::byte* row,
                              std::size_t pixels) noexcept {
  std::uint64_t saturated = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    const auto pixel = load_pixel<Pixel>(row, i);
    if constexpr (std::is_floating_point_v<Pixel>) {
      saturated += static_cast<double>(pixel) >= job.float_saturation ? 1U : 0U;
    } else {
      saturated += static_cast<Int128>(pixel) >= job.saturation ? 1U : 0U;
    }
  }
  return saturated;
}

template <class Pixel>
using WideSumOf =
    std::conditional_t<std::is_signed_v<Pixel>, std::int64_t,
                       std::conditional_t<sizeof(Pixel) == 8, Uint128, std::uint64_t>>;
/// Has room for kMostAccumulated pixels of any value.
template <class Pixel>
using SumOf =
    std::conditional_t<sizeof(Pixel) <= 2,
                       std::conditional_t<std::is_signed_v<Pixel>, std::int32_t, std::uint32_t>,
                       WideSumOf<Pixel>>;

template <std::integral Pixel>
void add_row(const std::byte* pixels, const std::byte* sums, std::byte* result,
             std::size_t width) noexcept {
  using Sum = SumOf<Pixel>;
  for (std::size_t i = 0; i < width; ++i) {
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): an int8 pixel is a number
    const auto pixel = static_cast<Sum>(load_pixel<Pixel>(pixels, i));
    const auto before = sums != nullptr ? load_pixel<Sum>(sums, i) : Sum{0};
    store_pixel(result, i, static_cast<Sum>(before + pixel));
  }
}

template <std::floating_point Pixel>
void add_row(const std::byte* pixels, const std::byte* sums, std::byte* result,
             std::size_t width) noexcept {
  const std::size_t counts_at = width * sizeof(double);
  for (std::size_t i = 0; i < width; ++i) {
    const auto pixel = static_cast<double>(load_pixel<Pixel>(pixels, i));
    double sum = sums != nullptr ? load_pixel<double>(sums, i) : 0.0;
    auto count =
        sums != nullptr ? load_pixel<std::uint16_t>(sums + counts_at, i) : std::uint16_t{0};
    if (!std::isnan(pixel)) {
      sum += pixel;
      ++count;
    }
    store_pixel(result, i, sum);
    store_pixel(result + counts_at, i, count);
  }
}

}  // namespace

RowCounter plain_counter(PixelType type) noexcept {
  return with_pixel_type(type, []<class Pixel>(std::type_identity<Pixel>) -> RowCounter {
    return count_saturated<Pixel>;
  });
}

RowAdder plain_adder(PixelType type) noexcept {
  return with_pixel_type(
      type, []<class Pixel>(std::type_identity<Pixel>) -> RowAdder { return add_row<Pixel>; });
}

}  // namespace framelog
