#include <algorithm>
#include <cstdlib>
#include <string>

#include "pipeline/product_writer.hpp"

// What goes into a segment beside its frames: gaps, clock changes, what was left out.
namespace framelog {
namespace {

constexpr std::int64_t kClockChangeNs = 5'000'000;
/// Behind so many gaps in one segment, further ones are added to the last of their kind; the frame
/// table still has each.
constexpr std::size_t kMostGaps = 10'000;

}  // namespace

void PendingLosses::take(const LossBefore& before) noexcept {
  for (std::size_t i = 0; i < kDropReasons; ++i) by_capture[i] += before.dropped[i];
  for (std::size_t i = 0; i < kLossReasons; ++i) at_source[i] += before.lost_at_source[i];
  unknown = unknown || before.unknown;
  uncounted |= before.uncounted;
}

std::uint64_t PendingLosses::frames() const noexcept {
  std::uint64_t total = 0;
  for (const std::uint64_t count : by_write) total += count;
  for (const std::uint64_t count : by_capture) total += count;
  for (const std::uint64_t count : at_source) total += count;
  return total;
}

void ProductWriter::note_passed_over() {
  // A segment that was finished without us tells of them by the jumps of its sequence.
  if (segment_ != nullptr) {
    segment_->accounting.skipped += state_.passed.skipped;
    segment_->accounting.not_recorded += state_.passed.not_recorded;
  }
  state_.passed = {};
}

void ProductWriter::note_losses(std::int64_t duration_ns) {
  const PendingLosses& pending = state_.pending;
  if (pending.frames() == 0 && !pending.unknown && pending.uncounted == 0) return;
  // The segment that held it was finished without us, and tells of its gaps by its frames.
  if (segment_ == nullptr) {
    state_.pending = {};
    return;
  }
  Accounting& accounting = segment_->accounting;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const std::string_view reason = name_of(static_cast<DropReason>(i));
    if (state_.pending.by_write[i] > 0)
      note_gap(state_.pending.by_write[i], duration_ns, "write", reason);
    if (state_.pending.by_capture[i] > 0)
      note_gap(state_.pending.by_capture[i], duration_ns, "capture", reason);
    accounting.dropped[i] += state_.pending.by_write[i] + state_.pending.by_capture[i];
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    if (state_.pending.at_source[i] == 0) continue;
    note_gap(state_.pending.at_source[i], duration_ns, "source",
             name_of(static_cast<LossReason>(i)));
    accounting.lost_at_source[i] += state_.pending.at_source[i];
  }
  if (state_.pending.unknown)
    note_gap(std::nullopt, duration_ns, "source", name_of(LossReason::kDisconnected));
  note_uncounted(duration_ns);
  state_.pending = {};
}

void ProductWriter::note_uncounted(std::int64_t duration_ns) {
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const bool unknown = (state_.pending.uncounted >> i & 1U) != 0;
    if (unknown && state_.pending.by_capture[i] == 0) {
      note_gap(std::nullopt, duration_ns, "capture", name_of(static_cast<DropReason>(i)));
    }
  }
}

void ProductWriter::note_gap(std::optional<std::uint64_t> frames, std::int64_t duration_ns,
                             std::string_view stage, std::string_view reason) {
  const std::int64_t count = frames ? static_cast<std::int64_t>(*frames) : -1;
  const GapEntry gap{state_.last_sequence, count, duration_ns, std::string(stage),
                     std::string(reason)};
  // The process that put the frame into the file may have noted it, too.
  const auto& known = segment_->log.entries().gaps;
  if (state_.last_sequence < in_file_to_ && std::ranges::find(known, gap) != known.end()) return;
  const DiskCall call(health_.write);
  segment_->log.add(lane_.store().files(), gap, kMostGaps);
}

void ProductWriter::note_clock(const FrameInfo& info) {
  if (segment_ == nullptr) return;
  const auto& known = segment_->log.entries().clock;
  const std::int64_t offset = info.utc_ns - info.monotonic_ns;
  const bool synchronised = (info.flags & kFlagClockUnsynchronised) == 0;
  if (!known.empty() && known.back().synchronised == synchronised &&
      std::abs(offset - known.back().utc_minus_monotonic_ns) < kClockChangeNs) {
    return;
  }
  const DiskCall call(health_.write);
  segment_->log.add(lane_.store().files(), ClockEntry{info.utc_ns, offset, synchronised});
}

}  // namespace framelog
