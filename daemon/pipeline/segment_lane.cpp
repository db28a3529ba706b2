#include "pipeline/segment_lane.hpp"

#include <algorithm>
#include <utility>

namespace framelog {

std::optional<PreparedSegment> SegmentLane::take_ready() {
  std::optional<PreparedSegment> taken;
  {
    const std::scoped_lock lock(mutex_);
    taken = std::exchange(ready_, std::nullopt);
    in_hand_ = taken.has_value();
    hand_is_old_ = false;
  }
  if (taken) files_wakeup_.notify();
  return taken;
}

void SegmentLane::not_opened() {
  const std::scoped_lock lock(mutex_);
  in_hand_ = hand_is_old_ = false;
}

bool SegmentLane::wait_ready(Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline,
                             [this] { return ready_.has_value() || failure_.has_value(); });
}

std::optional<DropReason> SegmentLane::blocked() {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

OpenSegment& SegmentLane::open(std::unique_ptr<OpenSegment> segment) {
  const std::scoped_lock lock(mutex_);
  active_ = std::move(segment);
  opened_ = active_->number;
  in_hand_ = false;
  if (std::exchange(hand_is_old_, false)) lost_.store(true, std::memory_order_relaxed);
  if (has_notes()) files_wakeup_.notify();
  return *active_;
}

void SegmentLane::retire() {
  {
    const std::scoped_lock lock(mutex_);
    retired_.push_back({std::move(active_), {}, take_notes()});
    lost_.store(false, std::memory_order_relaxed);
  }
  files_wakeup_.notify();
}

OpenSegment* SegmentLane::active(std::int64_t number) {
  const std::scoped_lock lock(mutex_);
  return active_ && active_->number == number ? active_.get() : nullptr;
}

void SegmentLane::take_over(std::int64_t in_file_to, std::int64_t numbered) noexcept {
  in_file_to_ = in_file_to;
  numbered_ = opened_ = numbered;
}

std::vector<OpenSegment*> SegmentLane::lease() {
  const std::scoped_lock lock(mutex_);
  std::vector<OpenSegment*> segments;
  for (const Retired& retired : retired_) {
    // One that could not be finished has let go of its pixels; finishing syncs them.
    if (retired.finish_at == Deadline{}) segments.push_back(retired.segment.get());
  }
  if (active_) segments.push_back(active_.get());
  leased_ = true;
  return segments;
}

void SegmentLane::give_back() {
  {
    const std::scoped_lock lock(mutex_);
    leased_ = false;
  }
  files_wakeup_.notify();
}

bool SegmentLane::wants_segment(Deadline now) {
  const std::scoped_lock lock(mutex_);
  return !ready_ && now >= prepare_at_;
}

std::int64_t SegmentLane::next_number() {
  const std::scoped_lock lock(mutex_);
  return numbered_ + 1;
}

void SegmentLane::put_ready(PreparedSegment segment) {
  {
    const std::scoped_lock lock(mutex_);
    numbered_ = segment.number;
    ready_ = std::move(segment);
    failure_.reset();
  }
  changed_.notify_all();
}

void SegmentLane::put_failure(DropReason reason, Deadline retry_at) {
  {
    const std::scoped_lock lock(mutex_);
    failure_ = reason;
    prepare_at_ = retry_at;
  }
  changed_.notify_all();
}

void SegmentLane::lose(Deadline retry_at) {
  std::optional<PreparedSegment> prepared;
  {
    const std::scoped_lock lock(mutex_);
    failure_ = DropReason::kNoDisk;
    prepare_at_ = retry_at;
    prepared = std::exchange(ready_, std::nullopt);
    if (prepared) numbered_ = prepared->number - 1;
    lost_.store(active_ != nullptr, std::memory_order_relaxed);
    hand_is_old_ = in_hand_;
  }
  changed_.notify_all();
}

bool SegmentLane::abandon_retired() {
  std::deque<Retired> retired;
  const std::scoped_lock lock(mutex_);
  if (leased_) return false;
  retired.swap(retired_);
  abandoned_ += retired.size();
  return active_ == nullptr && !in_hand_;
}

std::size_t SegmentLane::abandoned() {
  const std::scoped_lock lock(mutex_);
  return abandoned_;
}

void SegmentLane::found_again() {
  const std::scoped_lock lock(mutex_);
  abandoned_ = 0;
}

// Moved out of the list under the lock while nobody has a lease, so that no later lease can see it.
// A lease is not waited for: preparing must not stand behind the disk's sync.
OpenSegment* SegmentLane::next_retired(Deadline now) {
  std::vector<Note> notes;
  {
    const std::scoped_lock lock(mutex_);
    if (leased_) return nullptr;
    const auto due = std::ranges::find_if(
        retired_, [now](const Retired& retired) { return now >= retired.finish_at; });
    if (due == retired_.end()) return nullptr;
    finishing_ = std::move(due->segment);
    notes = std::move(due->notes);
    retired_.erase(due);
  }
  add_to_log(*finishing_, notes);
  return finishing_.get();
}

void SegmentLane::finished() {
  std::unique_ptr<OpenSegment> done;
  const std::scoped_lock lock(mutex_);
  done = std::move(finishing_);
}

void SegmentLane::finish_later(Deadline retry_at) {
  const std::scoped_lock lock(mutex_);
  retired_.push_back({std::move(finishing_), retry_at, {}});
}

std::size_t SegmentLane::retired_count() {
  const std::scoped_lock lock(mutex_);
  return retired_.size();
}

bool SegmentLane::is_finish_due(Deadline now) {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(retired_,
                             [now](const Retired& retired) { return now >= retired.finish_at; });
}

Deadline SegmentLane::next_retry(bool may_prepare) {
  const std::scoped_lock lock(mutex_);
  Deadline next = kNoDeadline;
  if (!ready_ && may_prepare) next = std::min(next, prepare_at_);
  // While a lease lasts, giving it back is what wakes the files thread.
  if (leased_) return next;
  for (const Retired& retired : retired_) next = std::min(next, retired.finish_at);
  return next;
}

std::optional<PreparedSegment> SegmentLane::take_unused() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(ready_, std::nullopt);
}

void SegmentLane::note(Note note) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto* lines = std::get_if<LineEdges>(&note)) {
      keep_edges(*lines);
    } else {
      notes_.push_back(std::move(note));
    }
  }
  files_wakeup_.notify();
}

// The segment may be retired meanwhile, but only the files thread ends its life.
void SegmentLane::write_notes() {
  OpenSegment* segment = nullptr;
  std::vector<Note> notes;
  {
    const std::scoped_lock lock(mutex_);
    if (!active_ || !has_notes()) return;
    segment = active_.get();
    notes = take_notes();
  }
  add_to_log(*segment, notes);
}

void SegmentLane::add_to_log(OpenSegment& segment, const std::vector<Note>& notes) {
  for (const Note& note : notes) {
    std::visit([&](const auto& entry) { segment.log.add(store_.files(), entry); }, note);
  }
}

std::vector<Note> SegmentLane::take_unplaced() {
  const std::scoped_lock lock(mutex_);
  return take_notes();
}

void SegmentLane::keep_edges(const LineEdges& lines) {
  edges_.insert(edges_.end(), lines.edges.begin(), lines.edges.end());
  edges_left_out_ += lines.left_out;
  for (; edges_.size() > kMostEdges; edges_.pop_front()) ++edges_left_out_;
}

bool SegmentLane::has_notes() const noexcept {
  return !notes_.empty() || !edges_.empty() || edges_left_out_ > 0;
}

std::vector<Note> SegmentLane::take_notes() {
  std::vector<Note> notes = std::exchange(notes_, {});
  if (!edges_.empty() || edges_left_out_ > 0) {
    notes.emplace_back(LineEdges{{edges_.begin(), edges_.end()}, edges_left_out_});
    edges_.clear();
    edges_left_out_ = 0;
  }
  return notes;
}

std::int64_t SegmentLane::opened() {
  const std::scoped_lock lock(mutex_);
  return opened_;
}

std::string SegmentLane::active_path() {
  const std::scoped_lock lock(mutex_);
  return active_ ? active_->part.string() : "";
}

}  // namespace framelog
