#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "export/recording.hpp"
#include "export/result_frames.hpp"
#include "export/result_plan.hpp"

/// Private to the result_*.cpp files of this folder.
namespace framelog {

/// What a result has lost of what its recording has: each gap between two of its frames, and before
/// the first or behind the last one where the result goes on to that end of the recording. A part
/// of a scan has lost what empties points of it. Threads: one.
class LossTracker {
 public:
  /// `recording` outlives it.
  LossTracker(Recording& recording, const FrameGrid& grid);

  /// Takes the next frame of the result. Its note gets the frames lost between the one before,
  /// whether the result has that or not, and this one; that of a torn one gets a number too, which
  /// its neighbours leave free. Errors: of the recording.
  [[nodiscard]] Result<void> take(std::uint64_t frame, FrameNote& note);
  /// Behind the last one. Errors: likewise.
  [[nodiscard]] Result<std::shared_ptr<const ResultLosses>> finish();
  void rewind();

 private:
  /// Numbers of the hardware between two frames, the first and the last of them.
  struct Hole {
    std::uint64_t first{}, last{};
  };
  /// A frame whose record is torn, and the number that it gets.
  struct Torn {
    std::uint64_t frame{}, number{};
  };
  [[nodiscard]] Result<std::uint64_t> number_of_torn(std::uint64_t frame);
  std::uint64_t keep_torn(Torn torn) noexcept;
  [[nodiscard]] Result<std::uint64_t> take_gaps(const FrameNote& note);
  [[nodiscard]] Result<std::uint64_t> take_notes(std::uint64_t stop);
  [[nodiscard]] Result<bool> keeps(const GapEntry& gap, bool at_end);
  [[nodiscard]] Result<Hole> hole_behind(const GapEntry& gap);
  [[nodiscard]] Result<void> take_behind();
  /// None where the frame does not tell its numbers.
  [[nodiscard]] Result<std::optional<FrameNote>> told_by(std::uint64_t frame);
  [[nodiscard]] bool has_point_in(const Hole& hole) const;
  void count_left_out();

  Recording& recording_;
  FrameGrid grid_;
  bool is_whole_scan_{};  ///< Every point of every scan.
  std::vector<GapEntry> gaps_;
  std::size_t next_gap_{};
  std::uint64_t next_frame_{};                 ///< Where the losses are told by the frames alone.
  std::optional<FrameInfo> previous_;          ///< The frame before that one.
  std::optional<std::uint64_t> first_, last_;  ///< Numbers of the result's frames.
  std::uint64_t passed_{};                     ///< Numbers between them that it does not have.
  std::optional<Torn> torn_;                   ///< The last one.
  ResultLosses losses_;
};

}  // namespace framelog
