#pragma once

#include <cstdint>
#include <vector>

#include "export/result_grid.hpp"
#include "export/result_pixels.hpp"
#include "export/result_plan.hpp"

/// Private to the result_*.cpp files of this folder.
namespace framelog {

/// A result whose slices are not frames: as many of them as memory holds are put together in one
/// pass over the frames that they are made of. Threads: one.
class SlabFiller {
 public:
  /// All outlive it.
  SlabFiller(Recording& recording, const ResultPlan& plan, GridFrames& grid, FrameMaker& maker,
             std::size_t memory_bytes);

  /// Slices [first, first + count()) into slices(). Errors: those of reading.
  [[nodiscard]] Result<void> fill(std::uint64_t first);
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::span<const std::byte> slice(std::uint64_t index) const noexcept;
  [[nodiscard]] std::uint64_t first() const noexcept { return first_; }
  /// Points without a frame, and pixels that did not fit, of the frames that were looked at since
  /// rewind(); each frame counts once, however many passes read it.
  [[nodiscard]] std::uint64_t missing() const noexcept { return missing_; }
  [[nodiscard]] std::uint64_t clipped() const noexcept { return clipped_; }
  void rewind() noexcept { missing_ = clipped_ = 0; }

 private:
  struct Window;
  void scatter(std::span<const std::byte> pixels, std::uint64_t base, const Window& window);

  Recording& recording_;
  const ResultPlan& plan_;
  GridFrames& grid_;
  FrameMaker& maker_;
  std::uint64_t most_{};
  std::uint64_t first_{};
  std::uint64_t count_{};
  std::uint64_t missing_{}, clipped_{};
  std::vector<std::byte> slab_;
};

}  // namespace framelog
