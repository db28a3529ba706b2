#include "store/crash_gaps.hpp"

#include <algorithm>
#include <string>

namespace framelog {
namespace {

/// Frames that the gaps tell of in one place.
struct Told {
  std::int64_t all{};
  std::int64_t with_sequence{};  ///< Of these, by the write stage.
};

/// Goes through gaps in the order of their places.
class GapsInOrder {
 public:
  explicit GapsInOrder(std::span<const GapEntry> gaps) : gaps_(gaps) {}

  /// Those after frame `sequence - 1` or earlier that were not asked for before.
  Told before(std::int64_t sequence) {
    Told told;
    for (; next_ < gaps_.size() && gaps_[next_].after_sequence < sequence; ++next_) {
      const GapEntry& gap = gaps_[next_];
      if (gap.frames <= 0) continue;
      told.all += gap.frames;
      if (gap.stage == "write") told.with_sequence += gap.frames;
    }
    return told;
  }

 private:
  std::span<const GapEntry> gaps_;
  std::size_t next_{};
};

GapEntry crash_gap(std::int64_t after, std::int64_t frames, std::int64_t duration_ns,
                   const char* stage) {
  return {after, frames, duration_ns, stage, std::string(name_of(DropReason::kCrash))};
}

}  // namespace

void add_crash_gaps(std::span<const FrameRecord> records, std::int64_t lost_at_end, bool leaves_out,
                    std::vector<GapEntry>& gaps) {
  std::ranges::stable_sort(gaps, {}, &GapEntry::after_sequence);
  GapsInOrder known(gaps);
  std::vector<GapEntry> found;
  const FrameRecord* before = nullptr;
  std::int64_t damaged = 0;
  for (const FrameRecord& record : records) {
    if (!is_intact(record)) {
      ++damaged;
      continue;
    }
    const auto sequence = static_cast<std::int64_t>(record.sequence);
    const Told told = known.before(sequence);
    // Which frame came before the first one, only the segment before could tell.
    const std::int64_t after =
        before != nullptr ? static_cast<std::int64_t>(before->sequence) : sequence - 1 - damaged;
    const std::int64_t duration =
        before != nullptr ? record.monotonic_ns - before->monotonic_ns : -1;
    const std::int64_t jump = sequence - after - 1 - damaged;
    const std::int64_t untold = std::int64_t{record.dropped_before} - told.all;
    std::int64_t by_write = std::max(std::int64_t{0}, jump - told.with_sequence);
    // The record knows how many were lost; what else is missing in the sequence was left out.
    if (leaves_out) by_write = std::min(by_write, std::max(std::int64_t{0}, untold));
    const std::int64_t by_capture = untold - by_write;
    if (by_write > 0) found.push_back(crash_gap(after, by_write, duration, "write"));
    if (by_capture > 0) found.push_back(crash_gap(after, by_capture, duration, "capture"));
    before = &record;
    damaged = 0;
  }
  if (lost_at_end > 0 && before != nullptr) {
    found.push_back(
        crash_gap(static_cast<std::int64_t>(before->sequence), lost_at_end, -1, "write"));
  }
  gaps.insert(gaps.end(), found.begin(), found.end());
  std::ranges::stable_sort(gaps, {}, &GapEntry::after_sequence);
}

}  // namespace framelog
