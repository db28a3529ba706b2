#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/scan.hpp"
#include "pipeline/ring.hpp"
#include "reduce/detector.hpp"
#include "reduce/plan.hpp"
#include "store/roll_policy.hpp"

namespace framelog {

/// How one product's pixels are made.
struct ProductReduction {
  ReductionPlan plan;
  bool big_endian{};            ///< Swapped after the arithmetic, as the file wants them.
  std::uint32_t keep_every{1};  ///< Each n-th frame by its sequence, from 0 on.
  std::optional<Scan> scan;     ///< Its flyback frames are skipped.
  DetectorSet detectors;
  /// Of the product's segments: a group of accumulated frames ends with its segment.
  RollPolicy roll;
  std::int64_t segment_capacity{};
};

/// What the product takes of the ring.
[[nodiscard]] ProductLayout layout_of(const ProductReduction& reduction) noexcept;

/// Whether the frame is left out by configuration.
[[nodiscard]] bool is_skipped(const ProductReduction& reduction, const FrameInfo& info) noexcept;

/// From one byte order to the other.
void swap_bytes(std::span<std::byte> pixels, std::size_t pixel_bytes) noexcept;

/// The last steps of a product's frame: the detectors' sums, the byte order, the checksum.
void complete(const ProductReduction& reduction, std::span<std::byte> pixels,
              std::span<double> detectors, ProductResult& result) noexcept;

}  // namespace framelog
