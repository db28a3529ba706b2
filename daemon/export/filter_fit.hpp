#pragma once

#include <cstdint>
#include <span>
#include <vector>

/// Private to the filter*.cpp files of this folder.
namespace framelog {

/// Fits polynomials in y and x of one total degree to frames of one size, by least squares. The
/// terms are products of Legendre polynomials over the frame, so that the equations are well
/// conditioned; what is fitted is that of any other basis. Threads: one.
class PolynomialFit {
 public:
  PolynomialFit(std::uint32_t order, std::uint32_t height_px, std::uint32_t width_px);

  /// Subtracts from all pixels the polynomial that fits those best that are finite and not marked.
  /// `marked`: 1 where they do not count; empty: all do. Terms that they do not determine are 0.
  void subtract(std::span<double> pixels, std::span<const std::uint8_t> marked);

 private:
  struct Term {
    std::uint32_t y{};
    std::uint32_t x{};
  };
  void add_equations(std::span<const double> pixels, std::span<const std::uint8_t> marked);
  void solve();

  std::uint32_t height_;
  std::uint32_t width_;
  std::vector<Term> terms_;
  std::vector<std::vector<double>> along_y_, along_x_;  ///< Polynomials by degree.
  std::vector<double> matrix_, right_, coefficients_;
};

}  // namespace framelog
