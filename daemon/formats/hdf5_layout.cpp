#include "formats/hdf5_layout.hpp"

#include <array>
#include <cstddef>

#include "formats/hdf5_filters.hpp"

namespace framelog::hdf5 {
namespace {

struct Member {
  const char* name;
  std::size_t offset;
  hid_t type;
};

Handle compound(std::size_t size, std::span<const Member> members) {
  Handle type(H5Tcreate(H5T_COMPOUND, size));
  for (const Member& member : members)
    H5Tinsert(type.get(), member.name, member.offset, member.type);
  return type;
}

Handle fixed_text(std::size_t size) {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), size);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}

}  // namespace

namespace {

Handle make_frame_record_type() {
  using R = FrameRecord;
  const std::array members{
      Member{"magic", offsetof(R, magic), H5T_STD_U32LE},
      Member{"record_crc", offsetof(R, record_crc), H5T_STD_U32LE},
      Member{"sequence", offsetof(R, sequence), H5T_STD_U64LE},
      Member{"source_sequence", offsetof(R, source_sequence), H5T_STD_U64LE},
      Member{"utc_ns", offsetof(R, utc_ns), H5T_STD_I64LE},
      Member{"monotonic_ns", offsetof(R, monotonic_ns), H5T_STD_I64LE},
      Member{"device_ns", offsetof(R, device_ns), H5T_STD_I64LE},
      Member{"exposure_ns", offsetof(R, exposure_ns), H5T_STD_I64LE},
      Member{"gpio", offsetof(R, gpio), H5T_STD_U64LE},
      Member{"min", offsetof(R, min), H5T_IEEE_F64LE},
      Member{"max", offsetof(R, max), H5T_IEEE_F64LE},
      Member{"mean", offsetof(R, mean), H5T_IEEE_F64LE},
      Member{"std", offsetof(R, std), H5T_IEEE_F64LE},
      Member{"sum", offsetof(R, sum), H5T_IEEE_F64LE},
      Member{"saturated", offsetof(R, saturated), H5T_STD_U32LE},
      Member{"clipped", offsetof(R, clipped), H5T_STD_U32LE},
      Member{"dropped_before", offsetof(R, dropped_before), H5T_STD_U32LE},
      Member{"flags", offsetof(R, flags), H5T_STD_U32LE},
      Member{"crc32c", offsetof(R, crc32c), H5T_STD_U32LE},
      Member{"accumulated", offsetof(R, accumulated), H5T_STD_U16LE},
      Member{"detectors_check", offsetof(R, detectors_check), H5T_STD_U16LE},
  };
  return compound(sizeof(R), members);
}

}  // namespace

/// Made once, member by member; who makes a catalog asks for it for every file.
Handle frame_record_type() {
  static const Handle made = make_frame_record_type();
  return Handle(H5Tcopy(made.get()));
}

Handle gap_type() {
  const Handle stage = fixed_text(sizeof(GapRow::stage));
  const Handle reason = fixed_text(sizeof(GapRow::reason));
  const std::array members{
      Member{"after_sequence", offsetof(GapRow, after_sequence), H5T_STD_I64LE},
      Member{"frames", offsetof(GapRow, frames), H5T_STD_I64LE},
      Member{"duration_ns", offsetof(GapRow, duration_ns), H5T_STD_I64LE},
      Member{"stage", offsetof(GapRow, stage), stage.get()},
      Member{"reason", offsetof(GapRow, reason), reason.get()},
  };
  return compound(sizeof(GapRow), members);
}

std::vector<std::string> accounting_columns() {
  std::vector<std::string> names{"received", "recorded", "merged", "skipped", "not_recorded"};
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    names.push_back("dropped_" + std::string(name_of(static_cast<DropReason>(i))));
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    names.push_back("lost_at_source_" + std::string(name_of(static_cast<LossReason>(i))));
  }
  return names;
}

Handle accounting_type() {
  const auto names = accounting_columns();
  std::vector<Member> members;
  for (std::size_t i = 0; i < names.size(); ++i) {
    members.push_back({names[i].c_str(), i * sizeof(std::uint64_t), H5T_STD_U64LE});
  }
  return compound(names.size() * sizeof(std::uint64_t), members);
}

std::vector<std::uint64_t> accounting_values(const Accounting& accounting) {
  std::vector<std::uint64_t> values{accounting.received, accounting.recorded, accounting.merged,
                                    accounting.skipped, accounting.not_recorded};
  values.insert(values.end(), accounting.dropped.begin(), accounting.dropped.end());
  values.insert(values.end(), accounting.lost_at_source.begin(), accounting.lost_at_source.end());
  return values;
}

Accounting accounting_from(std::span<const std::uint64_t> values) {
  constexpr std::size_t kFixed = 5;
  Accounting accounting;
  if (values.size() != kFixed + kDropReasons + kLossReasons) return accounting;
  accounting.received = values[0];
  accounting.recorded = values[1];
  accounting.merged = values[2];
  accounting.skipped = values[3];
  accounting.not_recorded = values[4];
  for (std::size_t i = 0; i < kDropReasons; ++i) accounting.dropped[i] = values[kFixed + i];
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    accounting.lost_at_source[i] = values[kFixed + kDropReasons + i];
  }
  return accounting;
}

std::vector<hsize_t> dimensions(hid_t file, const std::string& path) {
  if (!has(file, path)) return {};
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle space(set.valid() ? H5Dget_space(set.get()) : -1);
  const int rank = space.valid() ? H5Sget_simple_extent_ndims(space.get()) : 0;
  if (rank <= 0) return {};
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  return sizes;
}

Result<std::int64_t> chunk_address(hid_t dataset, hsize_t first, int rank) {
  std::array<hsize_t, 3> at{first, 0, 0};
  unsigned filters = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t bytes = 0;
  if (rank > 3 || H5Dget_chunk_info_by_coord(dataset, at.data(), &filters, &address, &bytes) < 0 ||
      address == HADDR_UNDEF) {
    return fail(ErrorCode::kCorrupt, "a chunk has no address:", last_error());
  }
  return static_cast<std::int64_t>(address);
}

namespace {

/// Version (any), element size, block and codec, as the filter's own setting would make of the last
/// two.
void set_bitshuffle(hid_t properties, std::size_t element_bytes) {
  constexpr unsigned kDefaultBlock = 0;
  constexpr unsigned kLz4 = 2;
  const std::array<unsigned, 5> values{0, 0, static_cast<unsigned>(element_bytes), kDefaultBlock,
                                       kLz4};
  H5Pset_filter(properties, kBitshuffleId, H5Z_FLAG_OPTIONAL, values.size(), values.data());
}

}  // namespace

void set_filters(hid_t properties, const Compression& compression, std::size_t element_bytes) {
  const auto level = static_cast<unsigned>(compression.level);
  switch (compression.codec) {
    case Codec::kGzip:
      H5Pset_shuffle(properties);
      H5Pset_deflate(properties, level);
      break;
    case Codec::kLz4:
      H5Pset_filter(properties, kLz4Id, H5Z_FLAG_OPTIONAL, 0, nullptr);
      break;
    case Codec::kBitshuffleLz4:
      set_bitshuffle(properties, element_bytes);
      break;
    case Codec::kZstd:
      H5Pset_filter(properties, kZstdId, H5Z_FLAG_OPTIONAL, 1, &level);
      break;
    default:
      break;
  }
}

}  // namespace framelog::hdf5
