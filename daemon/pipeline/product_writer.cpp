#include "pipeline/product_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "core/log.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMostFramesAtOnce = 4096;
constexpr auto kFirstBackOff = milliseconds(500);
constexpr auto kLongestBackOff = seconds(30);

}  // namespace

ProductWriter::ProductWriter(Ring& ring, std::size_t product, SegmentLane& lane, Health& health)
    : ring_(ring),
      product_(product),
      groups_(ring.layout().products[product].accumulates()),
      packs_(ring.layout().products[product].packed_bytes > 0),
      lane_(lane),
      health_(health),
      counters_(ring.product_counters(product)),
      items_(std::min<std::uint64_t>(kMostFramesAtOnce, ring.slots())),
      records_(items_.size()),
      packed_(packs_ ? items_.size() : 0),
      kept_(ring.kept(product)) {
  if (kept_.get() != nullptr) take_over();
}

ProductWriter::Item ProductWriter::frame(std::uint64_t sequence) noexcept {
  const SlotHeader& header = ring_.slot(sequence).header;
  return {&header.info,
          &header.results[product_],
          &header.before,
          ring_.product(sequence, product_),
          ring_.packed(sequence, product_),
          ring_.detectors(sequence, product_),
          header.info.monotonic_ns,
          header.received_total,
          sequence + 1,
          1,
          0};
}

ProductWriter::Item ProductWriter::group(std::uint64_t sequence) noexcept {
  const GroupResult& group = ring_.group_result(sequence, product_);
  // Of a group that ended before the slot's frame, what was skipped behind it is accounted for too.
  const bool is_last =
      ring_.slot(sequence).header.results[product_].outcome == FrameOutcome::kFrame;
  return {&group.info,
          &ring_.slot(sequence).header.results[product_],
          nullptr,
          ring_.product(sequence, product_),
          ring_.packed(sequence, product_),
          ring_.detectors(sequence, product_),
          group.first_monotonic_ns,
          is_last ? group.received_total : state_.received_slot,
          is_last ? sequence + 1 : sequence,
          group.frames,
          state_.group_flags};
}

std::uint64_t ProductWriter::end_of_outcome(std::uint64_t from, std::uint64_t to) noexcept {
  const auto outcome = [this](std::uint64_t sequence) {
    return ring_.slot(sequence).header.results[product_].outcome;
  };
  std::uint64_t end = from + 1;
  while (end < to && outcome(end) == outcome(from)) ++end;
  return end;
}

void ProductWriter::write(std::uint64_t from, std::uint64_t to) {
  from = std::max(from, state_.done_to);
  if (groups_) {
    write_group_slots(from, to);
  } else {
    write_slots(from, to);
  }
}

void ProductWriter::write_group_slots(std::uint64_t from, std::uint64_t to) {
  for (; from < to; ++from) {
    write_group_slot(from, true);
    state_.done_to = from + 1;
    keep();
  }
}

void ProductWriter::write_slots(std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    const std::uint64_t end = std::min(end_of_outcome(from, to), from + items_.size());
    switch (ring_.slot(from).header.results[product_].outcome) {
      case FrameOutcome::kSkipped:
        pass_over(from, end, &PassedOver::skipped);
        break;
      case FrameOutcome::kLost:
        lose(from, end);
        break;
      default:
        for (std::uint64_t i = 0; i < end - from; ++i) items_[i] = frame(from + i);
        record(Items(items_).first(end - from));
    }
    state_.done_to = from = end;
    keep();
  }
}

void ProductWriter::pass(std::uint64_t from, std::uint64_t to) {
  from = std::max(from, state_.done_to);
  while (from < to) {
    const std::uint64_t end = groups_ ? from + 1 : end_of_outcome(from, to);
    const FrameOutcome outcome = ring_.slot(from).header.results[product_].outcome;
    if (groups_) {
      write_group_slot(from, false);
    } else if (outcome == FrameOutcome::kLost) {
      lose(from, end);
    } else {
      pass_over(
          from, end,
          outcome == FrameOutcome::kSkipped ? &PassedOver::skipped : &PassedOver::not_recorded);
    }
    state_.done_to = from = end;
    keep();
  }
}

// A group that ended before the slot's frame goes out before what was lost between them is noted.
void ProductWriter::write_group_slot(std::uint64_t sequence, bool recording) {
  const SlotHeader& header = ring_.slot(sequence).header;
  const ProductResult& result = header.results[product_];
  const bool is_last = result.outcome == FrameOutcome::kFrame;
  if (is_last) state_.group_flags |= header.info.flags & kFlagTrigger;
  if (result.emits && recording) {
    items_[0] = group(sequence);
    record(Items(items_).first(1));
  } else if (result.emits) {
    count_passed(ring_.group_result(sequence, product_).frames, &PassedOver::not_recorded);
  }
  state_.pending.take(header.before);
  if (result.outcome == FrameOutcome::kSkipped) count_passed(1, &PassedOver::skipped);
  if (result.outcome == FrameOutcome::kLost) {
    constexpr auto kReason = static_cast<std::size_t>(DropReason::kCrash);
    add(counters_.dropped[kReason], result.lost);
    state_.pending.by_write[kReason] += result.lost;
  }
  if (!is_last) state_.group_flags |= header.info.flags & kFlagTrigger;
  state_.received_slot = header.received_total;
}

/// What was lost between frames that are left out is told by the next one that is recorded.
void ProductWriter::pass_over(std::uint64_t from, std::uint64_t to,
                              std::uint64_t PassedOver::*kind) {
  count_passed(to - from, kind);
  for (std::uint64_t sequence = from; sequence < to; ++sequence) {
    const SlotHeader& header = ring_.slot(sequence).header;
    state_.pending.take(header.before);
    state_.received_slot = header.received_total;
  }
}

void ProductWriter::count_passed(std::uint64_t frames, std::uint64_t PassedOver::*kind) {
  const bool skipped = kind == &PassedOver::skipped;
  add(skipped ? counters_.skipped : counters_.not_recorded, frames);
  state_.passed.*kind += frames;
}

void ProductWriter::record(Items items) {
  if (const std::size_t there = in_file(items); there > 0) {
    account(items.first(there));
    items = items.subspan(there);
  }
  if (segment_ != nullptr && lane_.is_lost()) retire("no disk");
  while (!items.empty()) {
    if (segment_ == nullptr && !ensure_segment(*items.front().info)) {
      drop(items, blocked_reason_);
      return;
    }
    std::string_view roll;
    const std::size_t count = fitting(items, roll);
    if (count > 0) {
      if (!append(items.first(count)))
        continue;  // The segment is closed; a new one takes the frames, or they are dropped.
      items = items.subspan(count);
    }
    if (roll.empty()) continue;
    // While no next segment can be prepared a full one stays open: what is lost now finds its place
    // in it if recording stops.
    const bool full =
        roll == "size" || segment_->writer->frames() == segment_->writer->capacity_frames();
    if (const auto reason = lane_.blocked(); full && reason) {
      drop(items, *reason);
      return;
    }
    retire(roll);
  }
}

void ProductWriter::end_event() {
  if (segment_ != nullptr) retire("event");
}

void ProductWriter::roll() {
  if (segment_ != nullptr && !lane_.blocked()) retire("roll");
}

bool ProductWriter::ensure_segment(const FrameInfo& first) {
  if (std::chrono::steady_clock::now() < blocked_until_) return false;
  const DiskCall call(health_.write);  // Through the files thread, too.
  for (;;) {
    if (auto ready = lane_.take_ready()) {
      health_.full_because.store(DropReason::kRingFull, std::memory_order_relaxed);
      auto opened = lane_.store().activate(std::move(*ready), first);
      if (opened) {
        segment_ = &lane_.open(std::move(*opened));
        segment_->log.begin(lane_.store().files(), static_cast<std::int64_t>(state_.accounted_to));
        add(counters_.segments, 1);
        state_.segment = state_.numbered = segment_->number;
        const std::string part = segment_->part.string();
        state_.part = {};
        if (part.size() < state_.part.size()) std::ranges::copy(part, state_.part.begin());
        keep();
        return true;
      }
      lane_.not_opened();
      handle_write_error(opened.error());
      return false;
    }
    if (const auto reason = lane_.blocked()) {
      blocked_reason_ = *reason;
      health_.full_because.store(DropReason::kRingFull, std::memory_order_relaxed);
      return false;
    }
    health_.full_because.store(DropReason::kSegmentNotReady, std::memory_order_relaxed);
    lane_.wait_ready(std::chrono::steady_clock::now() + seconds(1));
  }
}

void ProductWriter::retire(std::string_view reason) {
  const DiskCall call(health_.write);
  segment_->stop_reason = reason;
  Accounting& accounting = segment_->accounting;
  accounting.recorded = static_cast<std::uint64_t>(segment_->writer->frames());
  accounting.received = state_.received_here - state_.received_before;
  state_.received_before = state_.received_here;
  // From here on it can be finished without what only this process knows.
  segment_->log.end(lane_.store().files(), {segment_->stop_reason, accounting});
  segment_ = nullptr;
  state_.segment = -1;
  keep();
  lane_.retire();
}

std::size_t ProductWriter::fitting(Items items, std::string_view& reason) {
  const std::int64_t room = segment_->writer->capacity_frames() - segment_->writer->frames();
  // A full segment is ended by the first frame that it has no room for, so that what is lost behind
  // its last frame still finds its place in it when recording stops.
  if (room == 0) {
    const RollPolicy& roll = lane_.store().config().roll;
    const bool by_frames =
        roll.max_frames && *roll.max_frames == segment_->writer->capacity_frames();
    const bool by_scan = roll.scan && segment_->roll.due(*items.front().info) == "scan";
    reason = by_frames ? "frames" : by_scan ? "scan" : "size";
    return 0;
  }
  const std::size_t most = std::min<std::size_t>(items.size(), static_cast<std::size_t>(room));
  std::int64_t free_bytes = segment_->writer->free_bytes();
  for (std::size_t i = 0; i < most; ++i) {
    if (packs_) free_bytes -= static_cast<std::int64_t>(packed_frame(items[i]).bytes.size());
    if (free_bytes < 0) {
      reason = "size";
      return i;
    }
    const std::string_view due = segment_->roll.due(*items[i].info);
    // Better a segment that is longer than asked for than none.
    if (!due.empty() && !lane_.blocked()) {
      reason = due;
      return i;
    }
  }
  return most;
}

/// Counts what is in a file, and notes what belongs to it.
void ProductWriter::account(Items items) {
  for (const Item& item : items) {
    add(counters_.bytes, packs_ ? packed_frame(item).bytes.size() : item.pixels.size());
    if (item.before != nullptr) state_.pending.take(*item.before);
    note_losses(state_.last_monotonic_ns < 0 ? -1
                                             : item.first_monotonic_ns - state_.last_monotonic_ns);
    note_clock(*item.info);
    note_passed_over();
    add(counters_.clipped_pixels, item.result->statistics.clipped);
    add(counters_.recorded, 1);
    add(counters_.merged, item.frames - 1);
    if (segment_ != nullptr) segment_->accounting.merged += item.frames - 1;
    state_.last_sequence = static_cast<std::int64_t>(item.info->sequence);
    state_.last_monotonic_ns = item.info->monotonic_ns;
    state_.received_here = item.received_total;
    // In a file that was finished without us, and has its own account up to here.
    if (segment_ == nullptr) state_.received_before = state_.received_here;
    if (!groups_) state_.received_slot = item.received_total;
    state_.accounted_to = item.accounted_to;
    if (groups_) state_.group_flags = 0;
  }
  if (groups_) return;  // Its slot is not done yet.
  state_.done_to = state_.accounted_to;
  keep();
}

void ProductWriter::drop(Items items, DropReason reason) {
  for (const Item& item : items) {
    add(counters_.dropped[static_cast<std::size_t>(reason)], item.frames);
    state_.pending.by_write[static_cast<std::size_t>(reason)] += item.frames;
    // What capture lost before these frames belongs to the same gap.
    if (item.before != nullptr) state_.pending.take(*item.before);
    if (!groups_) state_.received_slot = item.received_total;
  }
  if (groups_ || items.empty()) return;
  state_.done_to = items.back().accounted_to;
  keep();
}

void ProductWriter::handle_write_error(const Error& error) {
  const bool full = error.code == ErrorCode::kNoSpace;
  const bool gone = error.code == ErrorCode::kNotFound && lane_.store().config().require_mount;
  blocked_reason_ = full   ? DropReason::kDiskFull
                    : gone ? DropReason::kNoDisk
                           : DropReason::kWriteError;
  // The first error is answered by a new segment at once, further ones with growing patience.
  if (back_off_.count() > 0) blocked_until_ = std::chrono::steady_clock::now() + back_off_;
  // A full disk is asked again before anybody could wonder why its new room is not used.
  back_off_ = std::clamp<std::chrono::nanoseconds>(back_off_ * 2, kFirstBackOff,
                                                   full ? kFirstBackOff : kLongestBackOff);
  log(LogLevel::kError,
      fmt::format("{}: {}", lane_.store().config().description.product, describe(error)));
}

void ProductWriter::stop(const LossBefore& tail, std::optional<std::uint64_t> received_total,
                         std::string_view reason, bool recording) {
  if (groups_) record_tail(recording);
  if (segment_ != nullptr) {
    state_.pending.take(tail);
    note_losses(-1);
    note_passed_over();
    state_.received_here = received_total.value_or(state_.received_slot);
    retire(reason);
  }
  keep();
}

}  // namespace framelog
