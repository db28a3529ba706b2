#include "formats/hdf5_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "formats/hdf5_candidates.hpp"
#include "formats/hdf5_layout.hpp"
#include "formats/stored_record.hpp"

namespace framelog::hdf5 {
namespace {

const std::string kLinkedData = kDataGroup + "/data";

std::optional<double> number(hid_t file, const std::string& path) {
  if (!has(file, path)) return std::nullopt;
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle space(set.valid() ? H5Dget_space(set.get()) : -1);
  double value = 0;
  if (!space.valid() || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) < 0 ||
      !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

Result<std::vector<FrameRecord>> read_all(hid_t set, std::uint64_t rows, std::int64_t file_bytes) {
  constexpr std::uint64_t kMostRows =
      std::numeric_limits<std::ptrdiff_t>::max() / kFrameRecordBytes;
  // A compressed table may be larger than its file, but not a thousand times.
  if (rows > kMostRows ||
      rows / 1024 > static_cast<std::uint64_t>(file_bytes) / kFrameRecordBytes) {
    return fail(ErrorCode::kCorrupt, "the frame table is larger than the file");
  }
  std::vector<FrameRecord> records(rows);
  if (H5Dread(set, frame_record_type().get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, records.data()) < 0) {
    return fail(ErrorCode::kCorrupt, "cannot read the frame table:", last_error());
  }
  return records;
}

}  // namespace

bool is_segment(hid_t file, const std::string& dataset) {
  if ((dataset != kData && dataset != kLinkedData) || !has(file, kFrameTable)) return false;
  const Handle set(H5Dopen2(file, kFrameTable.c_str(), H5P_DEFAULT));
  const Handle type(set.valid() ? H5Dget_type(set.get()) : -1);
  return type.valid() && H5Tequal(type.get(), frame_record_type().get()) > 0;
}

Result<SegmentFacts> segment_facts(hid_t file, std::uint64_t frames) {
  const auto valid = read_integer(file, kValid);
  if (!valid) return std::unexpected(valid.error());
  const bool finished = has(file, kAccounting);
  const auto told = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *valid));
  if (told > frames || (finished && told != frames)) {
    return fail(ErrorCode::kCorrupt, "wrong counts:",
                fmt::format("it says {} valid frames, and has {}", *valid, frames));
  }
  if (told == 0) return fail(ErrorCode::kInvalid, "no frame is in it");
  SegmentFacts facts;
  facts.frames = told;
  facts.saturation = number(file, kDetector + "/saturation_value");
  if (const auto bits = number(file, kDetector + "/bit_depth_readout")) {
    if (*bits >= 1 && *bits <= 64) facts.bit_depth = static_cast<int>(*bits);
  }
  return facts;
}

Result<FrameTable> FrameTable::of(hid_t file, std::uint64_t frames, std::int64_t file_bytes) {
  const Handle set(H5Dopen2(file, kFrameTable.c_str(), H5P_DEFAULT));
  const auto sizes = dimensions_of(set.get());
  if (sizes.size() != 1 || sizes[0] < frames) {
    return fail(ErrorCode::kCorrupt, "the frame table is shorter than the frames");
  }
  FrameTable table;
  table.places_ = RowPlaces::of(set.get(), sizes, 0, kFrameRecordBytes, file_bytes);
  if (table.places_) return table;
  auto records = read_all(set.get(), sizes[0], file_bytes);
  if (!records) return std::unexpected(records.error());
  table.records_ = std::move(*records);
  return table;
}

Result<StoredInfo> FrameTable::info(FileSystem& files, int fd, std::uint64_t index) const noexcept {
  if (index < records_.size()) return stored_info_of(records_[index], index);
  StoredInfo stored;
  stored.info.sequence = index;
  stored.info.source_sequence = index;
  if (!places_) return stored;
  FrameRecord record;
  const auto got =
      files.read_at(fd, std::as_writable_bytes(std::span(&record, 1)), places_->offset_of(index));
  if (!got) return fail_errno(got.error().system_errno, "cannot read a frame's record");
  if (*got < sizeof(record)) {
    return fail(ErrorCode::kCorrupt, "the file has become shorter than its frame table");
  }
  return stored_info_of(record, index);
}

}  // namespace framelog::hdf5
