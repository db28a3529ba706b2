#include "export/result_losses.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "export/result_grid.hpp"

namespace framelog {
namespace {

/// The first place in the range, in steps from its start, that is not before `at`.
std::optional<std::uint64_t> step_from(std::uint64_t at, const IndexRange& range,
                                       std::uint64_t step) noexcept {
  if (at <= range.start) return range.start;
  const std::uint64_t place = range.start + (at - range.start + step - 1) / step * step;
  return place < range.stop ? std::optional(place) : std::nullopt;
}

/// The first point of the grid whose number is not before `number`.
std::optional<std::uint64_t> point_from(const FrameGrid& grid, const Scan& scan,
                                        std::uint64_t number) noexcept {
  const std::uint64_t at = number < scan.first_number ? 0 : number - scan.first_number;
  const std::uint64_t per_line = scan.frames_per_line();
  std::uint64_t t = at / scan.frames_per_scan();
  std::uint64_t row = at % scan.frames_per_scan() / per_line;
  auto column = step_from(at % per_line, grid.scan[1], grid.subsample[1]);
  if (!column) ++row;
  auto line = step_from(row, grid.scan[0], grid.subsample[0]);
  if (!line) ++t;
  const auto time = step_from(t, grid.time, grid.every);
  if (!time) return std::nullopt;
  // Whoever went on to another line or scan begins there.
  if (!line || *time != t) line = grid.scan[0].start;
  if (!column || *line != row || *time != t) column = grid.scan[1].start;
  return scan.first_number + (*time * scan.rows + *line) * per_line + *column;
}

bool is_whole(const FrameGrid& grid, const RecordingFacts& facts) noexcept {
  return grid.time == IndexRange{0, facts.scans} && grid.every == 1 &&
         grid.scan[0] == IndexRange{0, facts.scan->rows} &&
         grid.scan[1] == IndexRange{0, facts.scan->columns} &&
         grid.subsample == std::array<std::uint64_t, 2>{1, 1};
}

std::uint64_t frames_of(const GapEntry& gap) noexcept {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(gap.frames, 0));
}

}  // namespace

LossTracker::LossTracker(Recording& recording, const FrameGrid& grid)
    : recording_(recording), grid_(grid), gaps_(recording.facts().gaps) {
  const RecordingFacts& facts = recording.facts();
  is_whole_scan_ = grid.is_scan && is_whole(grid, facts);
  std::ranges::stable_sort(gaps_, {}, &GapEntry::after_sequence);
  rewind();
}

void LossTracker::rewind() {
  next_gap_ = 0;
  // The points of such a scan lie one behind the other, each in its place.
  next_frame_ = grid_.time.start;
  if (grid_.is_scan) {
    const Scan& scan = *recording_.facts().scan;
    next_frame_ = point_from(grid_, scan, 0).value_or(0) - scan.first_number;
  }
  previous_.reset();
  first_.reset();
  last_.reset();
  passed_ = 0;
  torn_.reset();
  losses_ = {};
}

Result<void> LossTracker::take(std::uint64_t frame, FrameNote& note) {
  if (is_torn(note)) {
    const auto number = number_of_torn(frame);
    if (!number) return std::unexpected(number.error());
    note.info.sequence = *number;
  }
  const auto lost = recording_.facts().losses_in_frames ? take_notes(frame + 1) : take_gaps(note);
  if (!lost) return std::unexpected(lost.error());
  const std::uint64_t sequence = note.info.sequence;
  if (last_ && sequence > *last_) passed_ += sequence - *last_ - 1;
  if (!first_) first_ = sequence;
  last_ = sequence;
  if (note.accumulated > 1) {
    losses_.merged +=
        std::min<std::uint32_t>(note.accumulated, std::numeric_limits<std::uint16_t>::max()) - 1;
  }
  note.lost_before = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(*lost, std::numeric_limits<std::uint32_t>::max()));
  return {};
}

Result<std::uint64_t> LossTracker::number_of_torn(std::uint64_t frame) {
  std::uint64_t torn = 1;  // Frames from the one that tells its number to this one.
  for (std::uint64_t at = frame; at-- > 0;) {
    if (torn_ && torn_->frame == at) return keep_torn({frame, torn_->number + torn});
    const auto note = recording_.note(at);
    if (!note) return std::unexpected(note.error());
    if (is_placeholder(*note)) continue;
    if (!is_torn(*note)) return keep_torn({frame, note->info.sequence + torn});
    ++torn;
  }
  torn = 1;
  for (std::uint64_t at = frame + 1; at < recording_.facts().frames; ++at) {
    const auto note = recording_.note(at);
    if (!note) return std::unexpected(note.error());
    if (is_placeholder(*note)) continue;
    if (!is_torn(*note)) {
      const std::uint64_t behind = note->info.sequence;
      return keep_torn({frame, behind - std::min(behind, torn)});
    }
    ++torn;
  }
  return keep_torn({frame, frame});
}

std::uint64_t LossTracker::keep_torn(Torn torn) noexcept {
  torn_ = torn;
  return torn.number;
}

Result<std::uint64_t> LossTracker::take_gaps(const FrameNote& note) {
  std::uint64_t lost = 0;
  for (; next_gap_ < gaps_.size(); ++next_gap_) {
    const GapEntry& gap = gaps_[next_gap_];
    if (gap.after_sequence >= 0 && std::cmp_greater_equal(gap.after_sequence, note.info.sequence)) {
      break;
    }
    const auto kept = keeps(gap, false);
    if (!kept) return std::unexpected(kept.error());
    if (!*kept) continue;
    losses_.gaps.push_back(gap);
    lost += frames_of(gap);
  }
  return lost;
}

Result<std::uint64_t> LossTracker::take_notes(std::uint64_t stop) {
  std::uint64_t lost = 0;
  for (; next_frame_ < stop; ++next_frame_) {
    const auto told = told_by(next_frame_);
    if (!told) return std::unexpected(told.error());
    if (!*told) continue;
    const FrameNote& note = **told;
    const auto before = std::exchange(previous_, note.info);
    if (note.lost_before == 0) continue;
    const std::uint64_t number = note.info.source_sequence;
    const Hole hole{before ? before->source_sequence + 1 : 0, number > 0 ? number - 1 : 0};
    const bool is_first = !grid_.is_scan && next_frame_ == grid_.time.start;
    if (grid_.is_scan ? !has_point_in(hole) : is_first && next_frame_ > 0) continue;
    const auto sequence = static_cast<std::int64_t>(note.info.sequence);
    losses_.gaps.push_back({before ? static_cast<std::int64_t>(before->sequence) : sequence - 1,
                            note.lost_before, -1, "source",
                            std::string(name_of(LossReason::kSequenceGap))});
    lost += note.lost_before;
  }
  return lost;
}

Result<bool> LossTracker::keeps(const GapEntry& gap, bool at_end) {
  if (!grid_.is_scan) {
    if (at_end) return grid_.time.stop == recording_.facts().frames;
    return first_ || grid_.time.start == 0;
  }
  if (is_whole_scan_) return true;
  const auto hole = hole_behind(gap);
  if (!hole) return std::unexpected(hole.error());
  return has_point_in(*hole);
}

Result<LossTracker::Hole> LossTracker::hole_behind(const GapEntry& gap) {
  std::uint64_t low = 0;
  std::uint64_t high = recording_.facts().frames;
  std::optional<FrameInfo> before;
  std::optional<FrameInfo> behind;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    std::uint64_t at = middle;
    Result<std::optional<FrameNote>> told = std::nullopt;
    while (at < high && told && !*told) told = told_by(at++);
    if (!told) return std::unexpected(told.error());
    if (!*told || std::cmp_greater((*told)->info.sequence, gap.after_sequence)) {
      high = middle;
      if (*told) behind = (*told)->info;
    } else {
      low = at;
      before = (*told)->info;
    }
  }
  const auto frames = std::max<std::uint64_t>(1, frames_of(gap));
  if (before && behind) return Hole{before->source_sequence + 1, behind->source_sequence - 1};
  if (before) return Hole{before->source_sequence + 1, before->source_sequence + frames};
  const std::uint64_t number = behind ? behind->source_sequence : 0;
  return Hole{number - std::min(number, frames), number > 0 ? number - 1 : 0};
}

Result<std::optional<FrameNote>> LossTracker::told_by(std::uint64_t frame) {
  const auto note = recording_.note(frame);
  if (!note) return std::unexpected(note.error());
  if (is_torn(*note) || is_placeholder(*note)) return std::nullopt;
  return *note;
}

bool LossTracker::has_point_in(const Hole& hole) const {
  if (is_whole_scan_) return true;
  // A loss between two frames whose numbers follow each other is told with the second.
  const std::uint64_t last = std::max(hole.first, hole.last);
  const auto point = point_from(grid_, *recording_.facts().scan, hole.first);
  return point && *point <= last;
}

Result<std::shared_ptr<const ResultLosses>> LossTracker::finish() {
  for (; next_gap_ < gaps_.size(); ++next_gap_) {
    const auto kept = keeps(gaps_[next_gap_], true);
    if (!kept) return std::unexpected(kept.error());
    if (*kept) losses_.gaps.push_back(gaps_[next_gap_]);
  }
  if (auto behind = take_behind(); !behind) return std::unexpected(behind.error());
  count_left_out();
  return std::make_shared<const ResultLosses>(losses_);
}

Result<void> LossTracker::take_behind() {
  const RecordingFacts& facts = recording_.facts();
  if (!facts.losses_in_frames) return {};
  // Of a scan the frame behind the last point tells what was lost before it.
  const auto is_behind = [&] {
    if (!grid_.is_scan) return grid_.time.stop < facts.frames;
    return previous_ && !point_from(grid_, *facts.scan, previous_->source_sequence);
  };
  while (next_frame_ < facts.frames && !is_behind()) {
    if (auto taken = take_notes(next_frame_ + 1); !taken) return std::unexpected(taken.error());
  }
  return {};
}

void LossTracker::count_left_out() {
  std::uint64_t told = losses_.merged;
  for (const GapEntry& gap : losses_.gaps) {
    const bool between = first_ && std::cmp_greater_equal(gap.after_sequence, *first_) &&
                         std::cmp_less(gap.after_sequence, *last_);
    if (between && gap.stage == "write") told += frames_of(gap);
  }
  losses_.left_out = passed_ - std::min(passed_, told);
}

}  // namespace framelog
