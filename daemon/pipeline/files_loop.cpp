#include "pipeline/files_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/event.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "pipeline/recovery_report.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr auto kRetryPrepare = seconds(1);
/// Asking for the free space costs next to nothing; trying to take it costs some system calls.
constexpr auto kAskDiskAgain = milliseconds(250);
constexpr auto kTryFullDiskAgain = milliseconds(500);
constexpr auto kRetryFinish = seconds(5);
/// Ended segments hold descriptors: behind so many, finishing goes before preparing.
constexpr std::size_t kMostRetired = 100;
/// When recording has stopped a disk that refuses is asked once more; what it does not take is
/// recovered at the next start.
constexpr int kTriesWhileDraining = 2;
constexpr auto kLongestDigests = seconds(10);

Event finished_event(const std::string& product, const FinishedSegment& segment,
                     const std::string& reason) {
  const std::string path = segment.path.string();
  const std::string frames = std::to_string(segment.summary.frames);
  return {.kind = EventKind::kSegmentFinished,
          .text = fmt::format("{}: {} frames ({})", path, frames, reason),
          .fields = {{"product", product},
                     {"path", path},
                     {"frames", frames},
                     {"bytes", std::to_string(segment.summary.bytes)},
                     {"reason", reason}}};
}

Event deleted_event(const DeletedSegments& deleted) {
  const std::string count = std::to_string(deleted.segments.size());
  return {.kind = EventKind::kSegmentsDeleted,
          .text = fmt::format("deleted the {} oldest segments up to {}, {:.4g} MB (retention.{})",
                              count, deleted.segments.back().path.string(),
                              static_cast<double>(deleted.bytes) / 1e6, deleted.why),
          .fields = {{"segments", count},
                     {"bytes", std::to_string(deleted.bytes)},
                     {"last", deleted.segments.back().path.string()},
                     {"reason", deleted.why}}};
}

std::string describe(const Note& note) {
  if (const auto* event = std::get_if<EventEntry>(&note)) return "mark " + in_quotes(event->text);
  if (const auto* quantity = std::get_if<QuantityEntry>(&note)) return quantity->key;
  const auto& lines = std::get<LineEdges>(note);
  return fmt::format("what the GPIO lines did at the end ({} edges)",
                     lines.edges.size() + lines.left_out);
}

}  // namespace

FilesLoop::FilesLoop(std::vector<SegmentLane*> lanes, DiskKeeper disks, InputDigests digests,
                     Wakeup& wakeup, Housekeeping& health, const Clock& clock)
    : lanes_(std::move(lanes)),
      disks_(std::move(disks)),
      digests_(std::move(digests)),
      wakeup_(wakeup),
      health_(health),
      clock_(clock) {
  disks_.on_deleted([this](const DeletedSegments& deleted) { tell_deleted(deleted); });
  disks_.on_lost([this](const std::filesystem::path& base) {
    if (catalog_ != nullptr) catalog_->let_go(base);
  });
  disks_.on_found([this](const std::filesystem::path& base) {
    if (catalog_ != nullptr) catalog_->found(base);
  });
}

void FilesLoop::tell_deleted(const DeletedSegments& deleted) {
  if (deleted.segments.empty()) return;
  health_.deleted_segments.fetch_add(deleted.segments.size(), std::memory_order_relaxed);
  for (const CatalogEntry& segment : deleted.segments) {
    if (catalog_ != nullptr) catalog_->removed(segment);
  }
  report(deleted_event(deleted));
}

Result<void> FilesLoop::prepare_first() {
  disks_.begin();
  recover_later(disks_.look(steady_clock::now(), true));
  for (SegmentLane* lane : lanes_) {
    if (const auto refused = disks_.refusal(*lane)) {
      block(*lane, refused->reason, refused->why, steady_clock::now() + kAskDiskAgain);
      continue;
    }
    auto prepared = lane->store().prepare(lane->next_number());
    if (prepared) {
      lane->put_ready(std::move(*prepared));
    } else if (disks_.reason_of(*lane, prepared.error()) == DropReason::kDiskFull) {
      block(*lane, DropReason::kDiskFull, describe(prepared.error()),
            steady_clock::now() + kTryFullDiskAgain);
    } else {
      discard_unused();
      return std::unexpected(prepared.error());
    }
  }
  return {};
}

void FilesLoop::discard_unused() {
  for (SegmentLane* lane : lanes_) {
    auto unused = lane->take_unused();
    if (unused && disks_.is_there(*lane)) lane->store().discard(std::move(*unused));
  }
}

void FilesLoop::run() {
  if (catalog_ != nullptr) catalog_->begin();
  for (;;) {
    const Wakeup::Ticket ticket = wakeup_.ticket();
    health_.files.begin(clock_.monotonic_ns());
    // All that it does is done with the disk.
    const DiskCall call(health_.files);
    const bool draining =
        draining_.load(std::memory_order_acquire);  // Pairs with the release in drain().
    recover_later(disks_.look(steady_clock::now(), !draining));
    disks_.set_catalog(catalog_ != nullptr ? catalog_->complete() : nullptr);
    for (SegmentLane* lane : lanes_) lane->write_notes();
    if (!draining && prepare_next()) continue;
    if (!digests_.done() && may_wait_for_digests(draining)) {
      digests_.step();
      continue;
    }
    if (finish_next()) continue;
    if (!draining && disks_.tidy(steady_clock::now())) continue;
    if (!draining && !digests_.done()) {
      digests_.step();
      continue;
    }
    if (recover_next()) continue;
    if (!draining && catalog_ != nullptr && catalog_->step()) continue;
    health_.files.rest(clock_.monotonic_ns());
    if (draining && is_over()) break;
    // What is not done while draining must not wake it.
    Deadline until = disks_.next_look(!draining);
    for (SegmentLane* lane : lanes_) {
      if (!disks_.is_there(*lane)) continue;  // The next look tells.
      const bool may_prepare = !draining && lane->retired_count() < kMostRetired;
      until = std::min(until, lane->next_retry(may_prepare));
    }
    if (!draining && catalog_ != nullptr) until = std::min(until, catalog_->next_look());
    wakeup_.wait(ticket, until);
  }
  discard_unused();
  tell_unplaced();
  if (catalog_ != nullptr) catalog_->end();
}

void FilesLoop::recover_later(std::vector<std::filesystem::path> parts) {
  leftovers_.insert(leftovers_.end(), std::make_move_iterator(parts.begin()),
                    std::make_move_iterator(parts.end()));
}

bool FilesLoop::recover_next() {
  if (leftovers_.empty()) return false;
  // Of a disk that has gone again they are found again when it is back.
  if (disks_.is_there(leftovers_.front())) {
    const auto recovered = recover_part(lanes_.front()->store().files(), leftovers_.front());
    report_recovery(recovered);
    if (catalog_ != nullptr && recovered.outcome == RecoveryOutcome::kFinished) {
      catalog_->add(recovered.result);
    }
  }
  leftovers_.pop_front();
  return true;
}

void FilesLoop::tell_unplaced() {
  for (SegmentLane* lane : lanes_) {
    for (const Note& note : lane->take_unplaced()) {
      log(LogLevel::kWarning,
          fmt::format("{}: {} is in no file: no frame was recorded behind it",
                      lane->store().config().description.product, describe(note)));
    }
  }
}

// A finished segment tells its inputs' digests, but neither a crowd of segments nor the end of the
// program waits for long.
bool FilesLoop::may_wait_for_digests(bool draining) {
  const auto now = steady_clock::now();
  if (draining && drained_since_ == Deadline{}) drained_since_ = now;
  if (draining && now - drained_since_ > kLongestDigests) return false;
  return std::ranges::none_of(
      lanes_, [](SegmentLane* lane) { return lane->retired_count() > kMostRetired / 2; });
}

void FilesLoop::drain() noexcept {
  draining_.store(true, std::memory_order_release);
  wakeup_.notify();
}

bool FilesLoop::prepare_next() {
  for (SegmentLane* lane : lanes_) {
    const Deadline now = steady_clock::now();
    if (!lane->wants_segment(now)) continue;
    if (lane->retired_count() < kMostRetired) {
      prepare(*lane);
      return true;
    }
    // The disk has refused to finish each: the writer, who serves the other products too, must not
    // wait. Where that takes long some are always due again, but none is untried.
    if (!lane->is_finish_due(Deadline{}))
      lane->put_failure(DropReason::kWriteError, now + kRetryPrepare);
  }
  return false;
}

void FilesLoop::prepare(SegmentLane& lane) {
  if (const auto refused = disks_.refusal(lane)) {
    block(lane, refused->reason, refused->why, steady_clock::now() + kAskDiskAgain);
    return;
  }
  auto prepared = lane.store().prepare(lane.next_number());
  if (prepared) {
    if (lane.blocked()) {
      log(LogLevel::kInfo,
          fmt::format("{}: recording again", lane.store().config().description.product));
    }
    lane.put_ready(std::move(*prepared));
    return;
  }
  const DropReason reason = disks_.reason_of(lane, prepared.error());
  const bool full = reason == DropReason::kDiskFull;
  const std::string why_no_more = full ? disks_.make_room_for(lane) : "";
  block(lane, reason, describe(prepared.error()) + why_no_more,
        steady_clock::now() + (full ? Deadline::duration(kTryFullDiskAgain) : kRetryPrepare));
}

void FilesLoop::block(SegmentLane& lane, DropReason reason, const std::string& why,
                      Deadline retry_at) {
  if (lane.blocked() != reason) {
    log(LogLevel::kError, fmt::format("{}: cannot prepare the next segment: {}; trying again",
                                      lane.store().config().description.product, why));
  }
  lane.put_failure(reason, retry_at);
}

// Of the product with the most that wait: a disk that is late must not leave the last products'
// segments unfinished for ever. Those that are being synced have to wait.
bool FilesLoop::finish_next() {
  std::vector<std::pair<std::size_t, SegmentLane*>> waiting;
  for (SegmentLane* lane : lanes_) {
    const std::size_t count = disks_.is_there(*lane) ? lane->retired_count() : 0;
    if (count > 0) waiting.emplace_back(count, lane);
  }
  std::ranges::stable_sort(waiting, std::greater{}, &std::pair<std::size_t, SegmentLane*>::first);
  for (const auto& [count, lane] : waiting) {
    if (OpenSegment* segment = lane->next_retired(steady_clock::now())) {
      finish(*lane, *segment);
      return true;
    }
  }
  return false;
}

void FilesLoop::finish(SegmentLane& lane, OpenSegment& segment) {
  const auto finished = lane.store().finish(segment, digests_.digests());
  if (finished) {
    if (const std::int64_t oldest_ns = segment.unsynced.take(); oldest_ns != 0) {
      health_.capture_to_finished.observe(clock_.monotonic_ns() - oldest_ns);
    }
    if (!finished->path.empty()) {
      report(finished_event(lane.store().config().description.product, *finished,
                            segment.stop_reason));
      if (catalog_ != nullptr) catalog_->add(finished->path);
    }
    lane.finished();
    disks_.has_finished();
    return;
  }
  log(LogLevel::kError, fmt::format("cannot finish {}: {}; its frames are safe, trying again",
                                    segment.part.string(), describe(finished.error())));
  if (!draining_.load(std::memory_order_acquire)) {
    lane.finish_later(steady_clock::now() + kRetryFinish);
    return;
  }
  // Then all others are tried once, and none again: many take longer than it takes until the first
  // one of them is due.
  const bool given_up = ++failures_while_draining_ >= kTriesWhileDraining;
  lane.finish_later(given_up ? kNoDeadline : steady_clock::now() + seconds(1));
}

bool FilesLoop::is_over() {
  const Deadline now = steady_clock::now();
  const bool given_up = failures_while_draining_ >= kTriesWhileDraining;
  return std::ranges::all_of(lanes_, [&](SegmentLane* lane) {
    return given_up ? !lane->is_finish_due(now) : lane->retired_count() == 0;
  });
}

}  // namespace framelog
