#include "store/crash_gaps.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace framelog {
namespace {

GapEntry crash_gap(std::int64_t after, std::int64_t frames, std::int64_t duration_ns,
                   const char* stage) {
  return {after, frames, duration_ns, stage, std::string(name_of(DropReason::kCrash))};
}

}  // namespace

CrashGaps::CrashGaps(std::vector<GapEntry> gaps, bool leaves_out)
    : known_(std::move(gaps)), leaves_out_(leaves_out) {
  std::ranges::stable_sort(known_, {}, &GapEntry::after_sequence);
}

/// Those after frame `sequence - 1` or earlier that were not asked for before.
CrashGaps::Told CrashGaps::told_before(std::int64_t sequence) {
  Told told;
  for (; next_known_ < known_.size() && known_[next_known_].after_sequence < sequence;
       ++next_known_) {
    const GapEntry& gap = known_[next_known_];
    if (gap.frames <= 0) continue;
    told.all += gap.frames;
    if (gap.stage == "write") told.with_sequence += gap.frames;
  }
  return told;
}

void CrashGaps::take(const FrameRecord& record) {
  if (!is_intact(record)) {
    ++damaged_;
    return;
  }
  const auto sequence = static_cast<std::int64_t>(record.sequence);
  const Told told = told_before(sequence);
  // Which frame came before the first one, only the segment before could tell.
  const std::int64_t after =
      before_ ? static_cast<std::int64_t>(before_->sequence) : sequence - 1 - damaged_;
  const std::int64_t duration = before_ ? record.monotonic_ns - before_->monotonic_ns : -1;
  const std::int64_t jump = sequence - after - 1 - damaged_;
  const std::int64_t untold = std::int64_t{record.dropped_before} - told.all;
  std::int64_t by_write = std::max(std::int64_t{0}, jump - told.with_sequence);
  // The record knows how many were lost; what else is missing in the sequence was left out.
  if (leaves_out_) by_write = std::min(by_write, std::max(std::int64_t{0}, untold));
  const std::int64_t by_capture = untold - by_write;
  if (by_write > 0) found_.push_back(crash_gap(after, by_write, duration, "write"));
  if (by_capture > 0) found_.push_back(crash_gap(after, by_capture, duration, "capture"));
  before_ = record;
  damaged_ = 0;
}

std::vector<GapEntry> CrashGaps::finish(std::int64_t lost_at_end) && {
  if (lost_at_end > 0 && before_) {
    found_.push_back(
        crash_gap(static_cast<std::int64_t>(before_->sequence), lost_at_end, -1, "write"));
  }
  known_.insert(known_.end(), found_.begin(), found_.end());
  std::ranges::stable_sort(known_, {}, &GapEntry::after_sequence);
  return std::move(known_);
}

void add_crash_gaps(std::span<const FrameRecord> records, std::int64_t lost_at_end, bool leaves_out,
                    std::vector<GapEntry>& gaps) {
  CrashGaps all(std::move(gaps), leaves_out);
  for (const FrameRecord& record : records) all.take(record);
  gaps = std::move(all).finish(lost_at_end);
}

}  // namespace framelog
