#pragma once

// The sums of detectors over uint8, uint16, uint32 and float32: whole vectors, of which the lanes
// of other areas are masked out. So a mask of scattered pixels costs no more than a disc.

#include "reduce/detector_kernel.hpp"
#include "reduce/vector_ops.hpp"

namespace framelog::FRAMELOG_KERNELS {
namespace {

// Bit k for lane k.
template <class Vector, class Lane>
FRAMELOG_INLINE Vector lane_bits() {
  Vector bits{};
  for (std::size_t i = 0; i < sizeof(Vector) / sizeof(Lane); ++i) {
    bits[i] = static_cast<Lane>(Lane{1} << i);
  }
  return bits;
}

/// What a block's pixels are added in. Part p of it are its pixels from p * kLanes on.
template <class Pixel>
struct BlockParts;

struct NarrowParts {
  using Mask = U16;
  using MaskLane = std::uint16_t;
  using Sums = U32;
  using Sum = std::uint64_t;
  FRAMELOG_INLINE static Sums add(Sums sums, U16 pixels, U16 mask) {
    const U16 chosen = pixels & mask;
    return sums + fold(chosen);
  }
  FRAMELOG_INLINE static Sum total(const Sums& sums) {
    return sum_of_lanes<std::uint64_t, std::uint32_t>(sums);
  }
};
template <>
struct BlockParts<std::uint8_t> : NarrowParts {
  FRAMELOG_INLINE static U16 read(const std::byte* at) { return widened_lanes(load<HalfU8>(at)); }
};
template <>
struct BlockParts<std::uint16_t> : NarrowParts {
  FRAMELOG_INLINE static U16 read(const std::byte* at) { return load<U16>(at); }
};
template <>
struct BlockParts<std::uint32_t> {
  using Mask = U64;
  using MaskLane = std::uint64_t;
  using Sums = U64;
  using Sum = std::uint64_t;
  FRAMELOG_INLINE static U64 read(const std::byte* at) { return widened_lanes(load<HalfU32>(at)); }
  FRAMELOG_INLINE static Sums add(Sums sums, U64 pixels, U64 mask) {
    return sums + (pixels & mask);
  }
  FRAMELOG_INLINE static Sum total(const Sums& sums) {
    return sum_of_lanes<std::uint64_t, std::uint64_t>(sums);
  }
};
template <>
struct BlockParts<float> {
  using Mask = U64;
  using MaskLane = std::uint64_t;
  using Sums = F64;
  using Sum = double;
  FRAMELOG_INLINE static F64 read(const std::byte* at) { return widened_lanes(load<HalfF32>(at)); }
  FRAMELOG_INLINE static Sums add(Sums sums, F64 pixels, U64 mask) {
    // NOLINTNEXTLINE(misc-redundant-expression): NaN differs from itself
    const U64 valid = reinterpret_cast<U64>(pixels == pixels) & mask;
    return sums + reinterpret_cast<F64>(valid & reinterpret_cast<U64>(pixels));
  }
  FRAMELOG_INLINE static Sum total(const Sums& sums) { return sum_of_lanes<double, double>(sums); }
};

FRAMELOG_INLINE void put(AreaSums& sums, std::size_t area, std::uint64_t sum) {
  sums.integers[area] += static_cast<Int128>(sum);
}
FRAMELOG_INLINE void put(AreaSums& sums, std::size_t area, double sum) { sums.floats[area] += sum; }

template <class Pixel>
void sum_areas(const DetectorJob& job, AreaSums& sums) noexcept {
  using Parts = BlockParts<Pixel>;
  using Mask = typename Parts::Mask;
  using MaskLane = typename Parts::MaskLane;
  constexpr std::size_t kLanes = sizeof(Mask) / sizeof(MaskLane);
  constexpr std::size_t kParts = kBlockPixels / kLanes;
  const auto lanes = lane_bits<Mask, MaskLane>();
  const DetectorPiece* piece = job.pieces;
  for (std::size_t i = 0; i < job.run_count; ++i) {
    const DetectorRun& run = job.runs[i];
    const DetectorPiece* const end = piece + run.pieces;
    typename Parts::Sums part_sums[kParts] = {};
    for (; piece != end; ++piece) {
      const std::byte* block =
          job.frame + std::size_t{piece->block} * (kBlockPixels * sizeof(Pixel));
      prefetch_ahead(block);
      for (std::size_t part = 0; part < kParts; ++part) {
        const auto bits = static_cast<MaskLane>(unsigned{piece->bits} >> (part * kLanes));
        const Mask chosen = (Mask{} + bits) & lanes;
        part_sums[part] =
            Parts::add(part_sums[part], Parts::read(block + part * kLanes * sizeof(Pixel)),
                       reinterpret_cast<Mask>(chosen == lanes));
      }
    }
    for (std::size_t part = 1; part < kParts; ++part) part_sums[0] += part_sums[part];
    put(sums, run.area, Parts::total(part_sums[0]));
  }
}

DetectorKernel detector_of(PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return sum_areas<std::uint8_t>;
    case PixelType::kUint16:
      return sum_areas<std::uint16_t>;
    case PixelType::kUint32:
      return sum_areas<std::uint32_t>;
    case PixelType::kFloat32:
      return sum_areas<float>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace framelog::FRAMELOG_KERNELS
