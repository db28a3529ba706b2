#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/scan.hpp"
#include "pipeline/ring.hpp"
#include "reduce/detector.hpp"
#include "reduce/plan.hpp"
#include "store/segment_store.hpp"

namespace framelog {

/// How one product's pixels are made.
struct ProductReduction {
  ReductionPlan plan;
  bool big_endian{};            ///< Swapped after the arithmetic, as the file wants them.
  std::uint32_t keep_every{1};  ///< Each n-th frame by its sequence, from 0 on.
  std::optional<Scan> scan;     ///< Its flyback frames are skipped.
  DetectorSet detectors;
  Compression compression;  ///< How the finished pixels are packed for the file.
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

/// The last steps of a product's frames: the detectors' sums, the byte order, the checksum, the
/// packing. Threads: one.
class FrameCompletion {
 public:
  /// The reduction is borrowed. Throws std::bad_alloc.
  explicit FrameCompletion(const ProductReduction& reduction);
  /// `packed` is as large as the pixels, or empty without compression. Allocates nothing.
  void run(std::span<std::byte> pixels, std::span<std::byte> packed, std::span<double> detectors,
           ProductResult& result) noexcept;

 private:
  const ProductReduction& reduction_;
  std::unique_ptr<FrameEncoder> encoder_;  ///< Null: the pixels are not packed.
};

}  // namespace framelog
