#include "pipeline/frame_group.hpp"

#include <cstring>
#include <type_traits>

namespace framelog {
namespace {

/// What is known of a group beside its sums; lies in the accumulator.
struct Note {
  FrameInfo info;
  std::int64_t first_monotonic_ns{};
  std::uint64_t received_total{};
};
static_assert(std::is_trivially_copyable_v<Note> && sizeof(Note) <= Accumulator::kNoteBytes);

Note note_of(const Accumulator& group) noexcept {
  Note note;
  std::memcpy(&note, group.note().data(), sizeof note);
  return note;
}

}  // namespace

FrameGroup::FrameGroup(Ring& ring, std::size_t product, const ProductReduction& reduction,
                       Reducer& reducer)
    : ring_(ring),
      product_(product),
      reduction_(reduction),
      reducer_(reducer),
      completion_(reduction),
      group_(reduction.plan, ring.group(product)) {
  if (group_.count() == 0) return;
  const Note note = note_of(group_);
  FrameInfo info = note.info;
  info.monotonic_ns = note.first_monotonic_ns;
  foresee_segment(info);
}

void FrameGroup::take(std::uint64_t sequence) noexcept {
  SlotHeader& header = ring_.slot(sequence).header;
  ProductResult& result = header.results[product_];
  // A process that died here may have been ahead of its cursor: what it put into the slot stands,
  // and a group that it put there and did not clear is cut whatever this process knows of rolls.
  const bool is_made = ring_.group_result(sequence, product_).made_at == sequence + 1;
  if (!is_made) result.emits = false;
  if (sequence >= group_.next()) {
    if (group_.count() > 0 && (is_made || is_cut_before(header))) {
      emit_at(sequence);
      group_.clear(sequence);
    }
    const bool skipped = is_skipped(reduction_, header.info);
    result.outcome = skipped ? FrameOutcome::kSkipped : FrameOutcome::kMerged;
    if (!skipped) add(sequence, header);
  }
  if (group_.count() == reduction_.plan.accumulate) {
    result.outcome = FrameOutcome::kFrame;
    emit_at(sequence);
    group_.clear(sequence + 1);
  }
}

void FrameGroup::lose(std::uint64_t sequence, bool hopeless) noexcept {
  SlotHeader& header = ring_.slot(sequence).header;
  ProductResult& result = header.results[product_];
  if (is_skipped(reduction_, header.info) && !hopeless) return take(sequence);
  const bool is_in = sequence < group_.next();
  const bool is_complete = is_in && group_.count() == reduction_.plan.accumulate;
  // Another product is to blame: the frame is in its group, or has been put out with it.
  if (is_in && !(is_complete && hopeless)) {
    if (is_complete) take(sequence);
    return;
  }
  const bool is_spoilt = is_complete || group_.unfinished() || hopeless;
  result.emits = false;
  result.lost = is_complete ? 0 : 1;
  if (group_.count() > 0) {
    if (is_spoilt) {
      result.lost += group_.count();
    } else {
      emit_at(sequence);
    }
  }
  result.outcome = FrameOutcome::kLost;
  group_.clear(sequence + 1);
}

bool FrameGroup::is_cut_before(const SlotHeader& header) const noexcept {
  // Rows of this frame are in the group: the process that died had decided.
  if (group_.unfinished()) return false;
  return header.before.any() || (roll_ && !roll_->due(header.info).empty());
}

void FrameGroup::add(std::uint64_t sequence, const SlotHeader& header) noexcept {
  Note note{header.info, header.info.monotonic_ns, header.received_total};
  if (group_.count() == 0) {
    if (begins_segment(header.info)) foresee_segment(header.info);
  } else {
    const Note before = note_of(group_);
    note.first_monotonic_ns = before.first_monotonic_ns;
    note.info.flags |= before.info.flags;
    const bool known = before.info.exposure_ns >= 0 && note.info.exposure_ns >= 0;
    note.info.exposure_ns = known ? before.info.exposure_ns + note.info.exposure_ns : -1;
  }
  // It is never refused: frames come in order from the cursor on, so that one which is unfinished
  // in the group is this one, and a group is emptied before it is full.
  static_cast<void>(
      reducer_.add(ring_.slot(sequence).raw, sequence, std::as_bytes(std::span(&note, 1)), group_));
}

void FrameGroup::emit_at(std::uint64_t sequence) noexcept {
  GroupResult& group = ring_.group_result(sequence, product_);
  emit(ring_.slot(sequence).header.results[product_], group, ring_.product(sequence, product_),
       ring_.packed(sequence, product_), ring_.detectors(sequence, product_));
  group.made_at = sequence + 1;
  note_emitted(group.info);
}

void FrameGroup::emit(ProductResult& result, GroupResult& group, std::span<std::byte> pixels,
                      std::span<std::byte> packed, std::span<double> detectors) noexcept {
  const Note note = note_of(group_);
  result.statistics = reducer_.emit(group_, pixels);
  completion_.run(pixels, packed, detectors, result);
  group.info = note.info;
  if (group_.count() < reduction_.plan.accumulate) group.info.flags |= kFlagGroupCutShort;
  group.first_monotonic_ns = note.first_monotonic_ns;
  group.received_total = note.received_total;
  group.frames = group_.count();
}

bool FrameGroup::begins_segment(const FrameInfo& info) const noexcept {
  return !roll_ || in_segment_ == reduction_.segment_capacity || !roll_->due(info).empty();
}

void FrameGroup::foresee_segment(const FrameInfo& first) noexcept {
  roll_.emplace(reduction_.roll, first);
  in_segment_ = 0;
}

void FrameGroup::note_emitted(const FrameInfo& info) noexcept {
  // For the writer a segment begins with its first group, which has the time of its last frame.
  if (in_segment_ == 0 || begins_segment(info)) foresee_segment(info);
  ++in_segment_;
}

void FrameGroup::finish() noexcept {
  if (group_.count() == 0) return;
  const Ring::Tail tail = ring_.tail(product_);
  emit(tail.result, tail.group, tail.pixels, tail.packed, tail.detectors);
  group_.clear(group_.next());
}

}  // namespace framelog
