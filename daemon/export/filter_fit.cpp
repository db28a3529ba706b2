#include "export/filter_fit.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace framelog {
namespace {

/// Legendre polynomials up to a degree at `count` points from -1 to 1.
std::vector<std::vector<double>> legendre(std::uint32_t degree, std::uint32_t count) {
  std::vector<std::vector<double>> values(degree + 1, std::vector<double>(count, 1.0));
  for (std::uint32_t i = 0; i < count; ++i) {
    const double at = count == 1 ? 0 : 2.0 * i / (count - 1) - 1;
    if (degree > 0) values[1][i] = at;
    for (std::uint32_t n = 2; n <= degree; ++n) {
      values[n][i] = ((2.0 * n - 1) * at * values[n - 1][i] - (n - 1.0) * values[n - 2][i]) / n;
    }
  }
  return values;
}

}  // namespace

PolynomialFit::PolynomialFit(std::uint32_t order, std::uint32_t height_px, std::uint32_t width_px)
    : height_(height_px),
      width_(width_px),
      along_y_(legendre(order, height_px)),
      along_x_(legendre(order, width_px)) {
  for (std::uint32_t y = 0; y <= order; ++y) {
    for (std::uint32_t x = 0; x + y <= order; ++x) terms_.push_back({y, x});
  }
}

void PolynomialFit::subtract(std::span<double> pixels, std::span<const std::uint8_t> marked) {
  add_equations(pixels, marked);
  solve();
  std::vector<double> by_x(along_x_.size());
  for (std::uint32_t y = 0; y < height_; ++y) {
    std::ranges::fill(by_x, 0.0);
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      by_x[terms_[k].x] += coefficients_[k] * along_y_[terms_[k].y][y];
    }
    double* const row = pixels.data() + std::size_t{y} * width_;
    for (std::uint32_t x = 0; x < width_; ++x) {
      double fitted = 0;
      for (std::size_t degree = 0; degree < by_x.size(); ++degree) {
        fitted += by_x[degree] * along_x_[degree][x];
      }
      row[x] -= fitted;
    }
  }
}

void PolynomialFit::add_equations(std::span<const double> pixels,
                                  std::span<const std::uint8_t> marked) {
  const std::size_t n = terms_.size();
  const std::size_t degrees = along_x_.size();
  matrix_.assign(n * n, 0);
  right_.assign(n, 0);
  // Of one row: sums of products of polynomials along x, and of these with the pixels.
  std::vector<double> products(degrees * degrees);
  std::vector<double> values(degrees);
  for (std::uint32_t y = 0; y < height_; ++y) {
    std::ranges::fill(products, 0.0);
    std::ranges::fill(values, 0.0);
    for (std::uint32_t x = 0; x < width_; ++x) {
      const std::size_t at = std::size_t{y} * width_ + x;
      if (!std::isfinite(pixels[at]) || (!marked.empty() && marked[at] != 0)) continue;
      for (std::size_t i = 0; i < degrees; ++i) {
        values[i] += along_x_[i][x] * pixels[at];
        for (std::size_t k = i; k < degrees; ++k) {
          products[i * degrees + k] += along_x_[i][x] * along_x_[k][x];
        }
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      const double factor = along_y_[terms_[i].y][y];
      right_[i] += factor * values[terms_[i].x];
      for (std::size_t k = 0; k < n; ++k) {
        const auto [low, high] = std::minmax(terms_[i].x, terms_[k].x);
        matrix_[i * n + k] += factor * along_y_[terms_[k].y][y] * products[low * degrees + high];
      }
    }
  }
}

/// Gauss and Jordan with pivots from the diagonal, largest first: the matrix is positive.
void PolynomialFit::solve() {
  const std::size_t n = terms_.size();
  coefficients_.assign(n, 0);
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, matrix_[i * n + i]);
  std::vector<bool> done(n);
  for (std::size_t step = 0; step < n; ++step) {
    std::size_t pivot = n;
    for (std::size_t i = 0; i < n; ++i) {
      if (done[i]) continue;
      if (pivot == n || matrix_[i * n + i] > matrix_[pivot * n + pivot]) pivot = i;
    }
    constexpr double kNothing = 1e-11;
    const double value = matrix_[pivot * n + pivot];
    if (!(value > largest * kNothing)) break;
    done[pivot] = true;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == pivot) continue;
      const double factor = matrix_[i * n + pivot] / value;
      if (factor == 0) continue;
      for (std::size_t k = 0; k < n; ++k) matrix_[i * n + k] -= factor * matrix_[pivot * n + k];
      right_[i] -= factor * right_[pivot];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (done[i]) coefficients_[i] = right_[i] / matrix_[i * n + i];
  }
}

}  // namespace framelog
