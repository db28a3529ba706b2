#pragma once

#include <cstddef>
#include <cstdint>

#include "core/frame.hpp"
#include "reduce/statistics.hpp"

namespace framelog {

// How detectors are summed. Pixels that belong to the same detectors are an area; areas are
// disjoint, so that each pixel is read and added once, however many detectors overlap there. The
// frame is one row of blocks, and a piece is what an area has of one of them.

inline constexpr std::size_t kBlockPixels = 16;
inline constexpr std::size_t kMostAreas = 64;
/// Pieces in a row of one area: as many uint16 blocks fit 32-bit sums.
inline constexpr std::size_t kMostPieces = 256;

struct DetectorPiece {
  std::uint32_t block{};  ///< Its pixels begin at kBlockPixels * block.
  std::uint16_t bits{};   ///< Bit k: pixel k belongs to the area.
};

struct DetectorRun {
  std::uint32_t pieces{};  ///< That follow each other in DetectorJob::pieces; kMostPieces at most.
  std::uint32_t area{};
};

/// Plain values, so that the kernels need no inline function of another header.
struct DetectorJob {
  const std::byte* frame{};
  const DetectorPiece* pieces{};
  const DetectorRun* runs{};
  std::size_t run_count{};
};

/// Sums of areas: exact for integers; floats in float64, without NaN.
struct AreaSums {
  Int128 integers[kMostAreas];
  double floats[kMostAreas];
};

/// Adds the runs of a frame to `sums`; allocates nothing.
using DetectorKernel = void (*)(const DetectorJob& job, AreaSums& sums) noexcept;

[[nodiscard]] DetectorKernel plain_detector(PixelType type) noexcept;
/// Null where the plain one is to do it.
[[nodiscard]] DetectorKernel baseline_detector(PixelType type) noexcept;
[[nodiscard]] DetectorKernel v3_detector(PixelType type) noexcept;

}  // namespace framelog
