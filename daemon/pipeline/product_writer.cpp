#include "pipeline/product_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
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
constexpr std::int64_t kClockChangeNs = 5'000'000;
/// Behind so many gaps in one segment, further ones are added to the last of their kind; the frame
/// table still has each.
constexpr std::size_t kMostGaps = 10'000;

std::uint32_t clamp32(std::uint64_t value) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

void PendingLosses::take(const LossBefore& before) noexcept {
  for (std::size_t i = 0; i < kDropReasons; ++i) by_capture[i] += before.dropped[i];
  for (std::size_t i = 0; i < kLossReasons; ++i) at_source[i] += before.lost_at_source[i];
  unknown = unknown || before.unknown;
}

std::uint64_t PendingLosses::frames() const noexcept {
  std::uint64_t total = 0;
  for (const std::uint64_t count : by_write) total += count;
  for (const std::uint64_t count : by_capture) total += count;
  for (const std::uint64_t count : at_source) total += count;
  return total;
}

ProductWriter::ProductWriter(Ring& ring, std::size_t product, SegmentLane& lane, Health& health)
    : ring_(ring),
      product_(product),
      lane_(lane),
      health_(health),
      counters_(ring.product_counters(product)),
      records_(std::min<std::uint64_t>(kMostFramesAtOnce, ring.slots())) {}

void ProductWriter::write(std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    if (segment_ == nullptr && !ensure_segment(ring_.slot(from).header.info)) {
      drop(from, to, blocked_reason_);
      return;
    }
    std::string_view roll;
    const std::uint64_t end = from + fitting(from, to, roll);
    if (end > from) {
      if (!append(from, end))
        continue;  // The segment is closed; a new one takes the frames, or they are dropped.
      from = end;
    }
    if (roll.empty()) continue;
    // While no next segment can be prepared a full one stays open: what is lost now finds its place
    // in it if recording stops.
    const bool full = segment_->writer->frames() == segment_->writer->capacity_frames();
    if (const auto reason = lane_.blocked(); full && reason) {
      drop(from, to, *reason);
      return;
    }
    retire(roll);
  }
}

bool ProductWriter::ensure_segment(const FrameInfo& first) {
  if (std::chrono::steady_clock::now() < blocked_until_) return false;
  for (;;) {
    if (auto ready = lane_.take_ready()) {
      health_.full_because.store(DropReason::kRingFull, std::memory_order_relaxed);
      auto opened = lane_.store().activate(std::move(*ready), first);
      if (opened) {
        segment_ = &lane_.open(std::move(*opened));
        add(counters_.segments, 1);
        return true;
      }
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
  segment_->stop_reason = reason;
  Accounting& accounting = segment_->accounting;
  accounting.recorded = static_cast<std::uint64_t>(segment_->writer->frames());
  accounting.received = received_here_ - received_before_;
  received_before_ = received_here_;
  segment_ = nullptr;
  lane_.retire();
}

std::uint64_t ProductWriter::fitting(std::uint64_t from, std::uint64_t to,
                                     std::string_view& reason) {
  const std::int64_t room = segment_->writer->capacity_frames() - segment_->writer->frames();
  // A full segment is ended by the first frame that it has no room for, so that what is lost behind
  // its last frame still finds its place in it when recording stops.
  if (room == 0) {
    const auto& limit = lane_.store().config().roll.max_frames;
    reason = limit && *limit == segment_->writer->capacity_frames() ? "frames" : "size";
    return 0;
  }
  const std::uint64_t most =
      std::min<std::uint64_t>({to - from, static_cast<std::uint64_t>(room), kMostFramesAtOnce});
  for (std::uint64_t i = 0; i < most; ++i) {
    const std::string_view due = segment_->roll.due(ring_.slot(from + i).header.info);
    // Better a segment that is longer than asked for than none.
    if (!due.empty() && !lane_.blocked()) {
      reason = due;
      return i;
    }
  }
  return most;
}

bool ProductWriter::append(std::uint64_t from, std::uint64_t to) {
  const std::size_t count = to - from;
  for (std::size_t i = 0; i < count; ++i) make_record(from + i, from, records_[i]);
  const auto first = ring_.product(from, product_);
  const std::span<const std::byte> pixels(first.data(), first.size() * count);
  health_.write.in_disk_call.store(true, std::memory_order_relaxed);
  const auto written = segment_->writer->append(std::span(records_).first(count), pixels);
  health_.write.in_disk_call.store(false, std::memory_order_relaxed);
  if (!written) {
    handle_write_error(written.error());
    retire("write error");
    return false;
  }
  back_off_ = {};
  add(counters_.bytes, pixels.size());
  add(counters_.recorded, count);
  after_append(from, to);
  return true;
}

void ProductWriter::make_record(std::uint64_t sequence, std::uint64_t first_of_batch,
                                FrameRecord& record) {
  const SlotHeader& header = ring_.slot(sequence).header;
  const ProductResult& result = header.results[product_];
  PendingLosses losses = sequence == first_of_batch ? pending_ : PendingLosses{};
  losses.take(header.before);
  record = {};
  record.sequence = header.info.sequence;
  record.source_sequence = header.info.source_sequence;
  record.utc_ns = header.info.utc_ns;
  record.monotonic_ns = header.info.monotonic_ns;
  record.device_ns = header.info.device_ns;
  record.exposure_ns = header.info.exposure_ns;
  record.gpio = header.info.gpio;
  record.min = result.statistics.min;
  record.max = result.statistics.max;
  record.mean = result.statistics.mean;
  record.std = result.statistics.std;
  record.sum = result.statistics.sum;
  record.saturated = result.statistics.saturated;
  record.clipped = result.statistics.clipped;
  record.dropped_before = clamp32(losses.frames());
  record.flags = header.info.flags | (result.statistics.clipped > 0 ? kFlagClipped : 0U);
  record.crc32c = result.crc32c;
  record.accumulated = 1;
  seal(record);
}

void ProductWriter::after_append(std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t sequence = from; sequence < to; ++sequence) {
    const SlotHeader& header = ring_.slot(sequence).header;
    pending_.take(header.before);
    note_losses(last_monotonic_ns_ < 0 ? -1 : header.info.monotonic_ns - last_monotonic_ns_);
    note_clock(header.info);
    add(counters_.clipped_pixels, header.results[product_].statistics.clipped);
    last_sequence_ = static_cast<std::int64_t>(sequence);
    last_monotonic_ns_ = header.info.monotonic_ns;
    received_here_ = header.received_total;
  }
}

void ProductWriter::note_losses(std::int64_t duration_ns) {
  if (pending_.frames() == 0 && !pending_.unknown) return;
  Accounting& accounting = segment_->accounting;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const std::string_view reason = name_of(static_cast<DropReason>(i));
    if (pending_.by_write[i] > 0) note_gap(pending_.by_write[i], duration_ns, "write", reason);
    if (pending_.by_capture[i] > 0)
      note_gap(pending_.by_capture[i], duration_ns, "capture", reason);
    accounting.dropped[i] += pending_.by_write[i] + pending_.by_capture[i];
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    if (pending_.at_source[i] == 0) continue;
    note_gap(pending_.at_source[i], duration_ns, "source", name_of(static_cast<LossReason>(i)));
    accounting.lost_at_source[i] += pending_.at_source[i];
  }
  if (pending_.unknown)
    note_gap(std::nullopt, duration_ns, "source", name_of(LossReason::kDisconnected));
  pending_ = {};
}

void ProductWriter::note_gap(std::optional<std::uint64_t> frames, std::int64_t duration_ns,
                             std::string_view stage, std::string_view reason) {
  const std::int64_t count = frames ? static_cast<std::int64_t>(*frames) : -1;
  segment_->log.add(
      lane_.store().files(),
      GapEntry{last_sequence_, count, duration_ns, std::string(stage), std::string(reason)},
      kMostGaps);
}

void ProductWriter::note_clock(const FrameInfo& info) {
  const auto& known = segment_->log.entries().clock;
  const std::int64_t offset = info.utc_ns - info.monotonic_ns;
  const bool synchronised = (info.flags & kFlagClockUnsynchronised) == 0;
  if (!known.empty() && known.back().synchronised == synchronised &&
      std::abs(offset - known.back().utc_minus_monotonic_ns) < kClockChangeNs) {
    return;
  }
  segment_->log.add(lane_.store().files(), ClockEntry{info.utc_ns, offset, synchronised});
}

void ProductWriter::drop(std::uint64_t from, std::uint64_t to, DropReason reason) {
  const std::uint64_t count = to - from;
  add(counters_.dropped[static_cast<std::size_t>(reason)], count);
  pending_.by_write[static_cast<std::size_t>(reason)] += count;
  // What capture lost before these frames belongs to the same gap.
  for (std::uint64_t sequence = from; sequence < to; ++sequence) {
    pending_.take(ring_.slot(sequence).header.before);
  }
}

void ProductWriter::handle_write_error(const Error& error) {
  const bool full = error.code == ErrorCode::kNoSpace;
  blocked_reason_ = full ? DropReason::kDiskFull : DropReason::kWriteError;
  // The first error is answered by a new segment at once, further ones with growing patience.
  if (back_off_.count() > 0) blocked_until_ = std::chrono::steady_clock::now() + back_off_;
  back_off_ = std::clamp<std::chrono::nanoseconds>(back_off_ * 2, kFirstBackOff, kLongestBackOff);
  log(LogLevel::kError,
      fmt::format("{}: {}", lane_.store().config().description.product, describe(error)));
}

void ProductWriter::stop(const LossBefore& tail, std::uint64_t received_total,
                         std::string_view reason) {
  if (segment_ == nullptr) return;
  pending_.take(tail);
  note_losses(-1);
  received_here_ = received_total;
  retire(reason);
}

}  // namespace framelog
