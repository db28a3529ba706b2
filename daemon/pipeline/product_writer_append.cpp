#include <algorithm>
#include <limits>

#include "pipeline/product_writer.hpp"

// How frames go into the open segment: with their records, as they are or packed.
namespace framelog {
namespace {

std::uint32_t clamp32(std::uint64_t value) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

bool ProductWriter::append(Items items) {
  for (std::size_t i = 0; i < items.size(); ++i) make_record(items[i], i == 0, records_[i]);
  const DiskCall call(health_.write);
  if (const auto written = append_to_segment(items); !written) {
    handle_write_error(written.error());
    retire("write error");
    return false;
  }
  segment_->unsynced.note(items.front().first_monotonic_ns);
  back_off_ = {};
  account(items);
  return true;
}

/// They lie one behind the other in memory, packed ones each in its own room.
Result<void> ProductWriter::append_to_segment(Items items) {
  const Item& first = items.front();
  const auto records = std::span<const FrameRecord>(records_).first(items.size());
  const std::span<const double> detectors(first.detectors.data(),
                                          first.detectors.size() * items.size());
  if (!packs_) {
    const std::span<const std::byte> pixels(first.pixels.data(),
                                            first.pixels.size() * items.size());
    return segment_->writer->append(records, pixels, detectors);
  }
  for (std::size_t i = 0; i < items.size(); ++i) packed_[i] = packed_frame(items[i]);
  return segment_->writer->append_packed(records, std::span(packed_).first(items.size()),
                                         detectors);
}

PackedFrame ProductWriter::packed_frame(const Item& item) noexcept {
  const std::uint64_t bytes = item.result->packed_bytes;
  if (bytes == 0) return {item.pixels, false};
  return {item.packed.first(bytes), true};
}

void ProductWriter::make_record(const Item& item, bool first_of_batch, FrameRecord& record) {
  PendingLosses losses = first_of_batch ? state_.pending : PendingLosses{};
  if (item.before != nullptr) losses.take(*item.before);
  const FrameInfo& info = *item.info;
  const FrameStatistics& statistics = item.result->statistics;
  record = {};
  record.sequence = info.sequence;
  record.source_sequence = info.source_sequence;
  record.utc_ns = info.utc_ns;
  record.monotonic_ns = info.monotonic_ns;
  record.device_ns = info.device_ns;
  record.exposure_ns = info.exposure_ns;
  record.gpio = info.gpio;
  record.min = statistics.min;
  record.max = statistics.max;
  record.mean = statistics.mean;
  record.std = statistics.std;
  record.sum = statistics.sum;
  record.saturated = statistics.saturated;
  record.clipped = statistics.clipped;
  record.dropped_before = clamp32(losses.frames());
  record.flags = info.flags | item.more_flags | (statistics.clipped > 0 ? kFlagClipped : 0U);
  record.crc32c = item.result->crc32c;
  record.accumulated = static_cast<std::uint16_t>(item.frames);
  record.detectors_check = detectors_check(item.detectors);
  seal(record);
}

}  // namespace framelog
