#pragma once

#include <cstdint>
#include <optional>

#include "export/recording.hpp"
#include "export/result_plan.hpp"

/// Private to the result_*.cpp files of this folder.
namespace framelog {

/// Finds the frames of a grid in a recording. Of a scan they are placed by the hardware's numbers,
/// which grow; from one to the next it looks near by, and never keeps a table.
class GridFrames {
 public:
  /// `recording` outlives it.
  GridFrames(Recording& recording, const FrameGrid& grid) : recording_(recording), grid_(grid) {}

  /// The frame at `index` of the grid, in C order; none: a point without a frame. Errors: of the
  /// recording.
  [[nodiscard]] Result<std::optional<std::uint64_t>> find(std::uint64_t index);

 private:
  [[nodiscard]] Result<std::optional<std::uint64_t>> find_number(std::uint64_t number);

  /// None where it only stands for one.
  [[nodiscard]] Result<std::optional<std::uint64_t>> told_by(std::uint64_t frame);

  /// A frame that tells its number.
  struct Numbered {
    std::uint64_t frame{};
    std::uint64_t number{};
  };
  /// The first one from `frame` on, before `end`, whose record is not torn.
  [[nodiscard]] Result<std::optional<Numbered>> numbered(std::uint64_t frame, std::uint64_t end);

  Recording& recording_;
  FrameGrid grid_;
  std::optional<Numbered> near_;
};

/// Whether it stands for a point of a scan that has no frame: in an array every point has a place.
[[nodiscard]] bool is_placeholder(const FrameNote& note) noexcept;

/// Whether the record is torn, so that its number is not the hardware's.
[[nodiscard]] bool is_torn(const FrameNote& note) noexcept;

}  // namespace framelog
