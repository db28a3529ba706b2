#include "formats/stored_record.hpp"

namespace framelog {

StoredInfo stored_info_of(const FrameRecord& record, std::uint64_t index) noexcept {
  StoredInfo stored;
  FrameInfo& info = stored.info;
  if (!is_intact(record)) {
    info.sequence = index;
    info.source_sequence = index;
    info.flags = kFlagCorrupt;
    return stored;
  }
  info.sequence = record.sequence;
  info.source_sequence = record.source_sequence;
  info.utc_ns = record.utc_ns;
  info.monotonic_ns = record.monotonic_ns;
  info.device_ns = record.device_ns;
  info.exposure_ns = record.exposure_ns;
  info.gpio = record.gpio;
  info.flags = record.flags;
  stored.crc32c = record.crc32c;
  stored.lost_before = record.dropped_before;
  return stored;
}

}  // namespace framelog
