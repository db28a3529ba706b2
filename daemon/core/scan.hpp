#pragma once

#include <cstdint>
#include <optional>

namespace framelog {

/// Frames as points of a raster scan: line by line, each line `columns` points and then `flyback`
/// frames that belong to none. A frame's place is that of the hardware's number, so that a lost
/// frame leaves a hole and shifts nothing.
struct Scan {
  std::uint32_t rows{};
  std::uint32_t columns{};
  std::uint32_t flyback{};
  std::uint64_t first_number{};  ///< source_sequence of the first point of the first scan.

  [[nodiscard]] std::uint64_t frames_per_line() const noexcept {
    return std::uint64_t{columns} + flyback;
  }
  [[nodiscard]] std::uint64_t frames_per_scan() const noexcept { return rows * frames_per_line(); }
  [[nodiscard]] std::uint64_t points() const noexcept { return std::uint64_t{rows} * columns; }
  friend bool operator==(const Scan&, const Scan&) = default;
};

struct ScanPoint {
  std::uint64_t scan{};  ///< Counted from 0 in a run.
  std::uint32_t row{};
  std::uint32_t column{};
  friend bool operator==(const ScanPoint&, const ScanPoint&) = default;
};

/// None for a flyback frame, and for one numbered before the first point.
[[nodiscard]] inline std::optional<ScanPoint> point_of(const Scan& scan,
                                                       std::uint64_t source_sequence) noexcept {
  if (source_sequence < scan.first_number) return std::nullopt;
  const std::uint64_t place = source_sequence - scan.first_number;
  const std::uint64_t line = place / scan.frames_per_line();
  const std::uint64_t column = place % scan.frames_per_line();
  if (column >= scan.columns) return std::nullopt;
  return ScanPoint{line / scan.rows, static_cast<std::uint32_t>(line % scan.rows),
                   static_cast<std::uint32_t>(column)};
}

/// Whether it is one of the frames between two lines.
[[nodiscard]] inline bool is_flyback(const Scan& scan, std::uint64_t source_sequence) noexcept {
  return source_sequence >= scan.first_number && !point_of(scan, source_sequence);
}

}  // namespace framelog
