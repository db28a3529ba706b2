#include "formats/frame_record.hpp"

#include "core/crc32c.hpp"

namespace framelog {
namespace {

std::uint32_t crc_of(const FrameRecord& record) noexcept {
  return crc32c(std::as_bytes(std::span(&record, 1)).subspan(offsetof(FrameRecord, sequence)));
}

}  // namespace

void seal(FrameRecord& record) noexcept {
  record.magic = kFrameRecordMagic;
  record.record_crc = crc_of(record);
}

std::uint16_t detectors_check(std::span<const double> sums) noexcept {
  return sums.empty() ? std::uint16_t{0}
                      : static_cast<std::uint16_t>(crc32c(std::as_bytes(sums)) & 0xFFFFU);
}

bool is_intact(const FrameRecord& record) noexcept {
  return record.magic == kFrameRecordMagic && record.record_crc == crc_of(record);
}

}  // namespace framelog
