#pragma once

#include <string>
#include <vector>

#include "export/axes.hpp"

namespace framelog {

/// A mark of an axis.
struct AxisTick {
  double index{};     ///< Where it stands, in pixels of the picture: 0 is the centre of the first.
  std::string label;  ///< In the axis' unit.
};

/// At most `most` (2 or more) ticks, at multiples of 1, 2 or 5 times a power of ten. Labels have no
/// more digits than they need to differ.
[[nodiscard]] std::vector<AxisTick> axis_ticks(const AxisFacts& axis, int most);
/// "x (µm)"; "x (px)" where there is no unit.
[[nodiscard]] std::string axis_label(const AxisFacts& axis);

}  // namespace framelog
