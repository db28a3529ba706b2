#include "export/picture_ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "export/picture_scale_bar.hpp"

namespace framelog {
namespace {

/// The least step with which `range` has at most `most` steps, and how many decimals it needs.
struct Step {
  double size{};
  int decimals{};
};

Step choose_step(double range, int most) {
  const int power = static_cast<int>(std::floor(std::log10(range / most)));
  for (int tens = power;; ++tens) {
    for (const int digit : {1, 2, 5}) {
      const double step = digit * std::pow(10.0, tens);
      if (range / step <= most) return {step, std::max(0, -tens)};
    }
  }
}

}  // namespace

std::vector<AxisTick> axis_ticks(const AxisFacts& axis, int most) {
  const double last = axis.origin + axis.step * static_cast<double>(axis.size - 1);
  const double low = std::min(axis.origin, last);
  const double high = std::max(axis.origin, last);
  if (axis.size < 2 || !std::isfinite(high - low) || !(high > low)) {
    return {{0, fmt::format("{:g}", axis.origin)}};
  }
  const Step step = choose_step(high - low, most - 1);
  // A part of a step, so that a tick at the very end is not lost by rounding.
  const double first = std::ceil(low / step.size - 1e-9);
  std::vector<AxisTick> ticks;
  for (double count = first; count * step.size <= high + 1e-9 * step.size; ++count) {
    const double value = count == 0 ? 0 : count * step.size;
    ticks.push_back({(value - axis.origin) / axis.step,
                     std::abs(value) >= 1e6 ? fmt::format("{:g}", value)
                                            : fmt::format("{:.{}f}", value, step.decimals)});
  }
  return ticks;
}

std::string axis_label(const AxisFacts& axis) {
  return fmt::format("{} ({})", name_of(axis.axis),
                     axis.unit.empty() ? "px" : with_micro_sign(axis.unit));
}

}  // namespace framelog
