#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace framelog {

/// What a dimension of an exported array stands for.
enum class Axis : std::uint8_t {
  kTime,     ///< t: the frames; of a recording with a scan, its scans.
  kScanY,    ///< sy: lines of the scan.
  kScanX,    ///< sx: points of a line.
  kZ,        ///< z: always one; for programs that want it.
  kChannel,  ///< c: always one.
  kY,
  kX,
};
/// "t", "sy", "sx", "z", "c", "y", "x"
[[nodiscard]] std::string_view name_of(Axis axis) noexcept;
[[nodiscard]] std::optional<Axis> axis_of(std::string_view name) noexcept;

/// Indices [start, stop).
struct IndexRange {
  std::uint64_t start{};
  std::uint64_t stop{};
  [[nodiscard]] std::uint64_t size() const noexcept { return stop - start; }
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

/// One dimension of an array, with its scale: index i is at origin + i * step.
struct AxisFacts {
  Axis axis{};
  std::uint64_t size{};
  double origin{};
  double step{1};
  std::string unit;  ///< "s", "um", "px", "mrad"; empty: indices.
  friend bool operator==(const AxisFacts&, const AxisFacts&) = default;
};

/// A cutout as written: "t=0:100, y=16:112"; an end that is missing is that of the axis.
struct AxisCut {
  Axis axis{};
  std::optional<std::uint64_t> start, stop;
  friend bool operator==(const AxisCut&, const AxisCut&) = default;
};

/// "sy=0:32, sx=:, y=16:112, x=16:112". Errors: kInvalid with what is allowed: an unknown axis, one
/// twice, a bound that is no number, a stop that is not above its start.
[[nodiscard]] Result<std::vector<AxisCut>> parse_cutout(std::string_view text);

/// "tyx", "sysxyx" or "sy,sx,y,x": the order of axes, slowest first. Errors: kInvalid, an unknown
/// axis or one twice.
[[nodiscard]] Result<std::vector<Axis>> parse_axes(std::string_view text);
/// "tyx"; "sy,sx,y,x" where a name has two letters.
[[nodiscard]] std::string to_string(std::span<const Axis> axes);

/// The part of an axis that a cutout names. Errors: kInvalid when it reaches beyond the axis: never
/// clipped in silence.
[[nodiscard]] Result<IndexRange> apply(const AxisCut& cut, std::uint64_t size);

}  // namespace framelog
