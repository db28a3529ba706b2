#include "formats/hdf5_packed_head.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <string>
#include <utility>

#include "formats/hdf5_filters.hpp"
#include "formats/hdf5_layout.hpp"

namespace framelog::hdf5 {
namespace {

Result<std::int64_t> header_address(hid_t file, const std::string& path) {
  const Handle set(has(file, path) ? H5Dopen2(file, path.c_str(), H5P_DEFAULT) : -1);
  H5O_info_t info{};
  if (!set.valid() || H5Oget_info2(set.get(), &info, H5O_INFO_BASIC) < 0) {
    return fail(ErrorCode::kCorrupt, "not a segment of framelog: there is no", path);
  }
  return static_cast<std::int64_t>(info.addr);
}

/// More than any file system holds, and far from where sums of offsets overflow.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 60U;

/// A dataset in one piece.
struct Piece {
  std::int64_t address{};
  std::int64_t bytes{};
};

Result<Piece> piece_of(hid_t file, const std::string& path) {
  const Handle set(has(file, path) ? H5Dopen2(file, path.c_str(), H5P_DEFAULT) : -1);
  const haddr_t address = set.valid() ? H5Dget_offset(set.get()) : HADDR_UNDEF;
  if (address == HADDR_UNDEF) return fail(ErrorCode::kUnsupported, "no address of", path);
  return Piece{static_cast<std::int64_t>(address),
               static_cast<std::int64_t>(H5Dget_storage_size(set.get()))};
}

/// What only the library can tell.
struct Facts {
  FrameShape shape;
  Compression compression;
  std::int64_t pixels_header{};
  std::vector<std::int64_t> table_headers;
  SegmentPlaces tables;
  std::int64_t tables_begin{};
  std::int64_t tables_end{};
};

Result<void> add_table(hid_t file, const std::string& path, Facts& facts, std::int64_t& place) {
  const auto header = header_address(file, path);
  if (!header) return std::unexpected(header.error());
  const auto piece = piece_of(file, path);
  if (!piece) return std::unexpected(piece.error());
  if (piece->address < 0 || piece->bytes < 0 ||
      std::max(piece->address, piece->bytes) > kMostBytes) {
    return fail(ErrorCode::kCorrupt, "an absurd place of", path);
  }
  facts.table_headers.push_back(*header);
  place = piece->address;
  facts.tables_begin = std::min(facts.tables_begin, piece->address);
  facts.tables_end = std::max(facts.tables_end, piece->address + piece->bytes);
  if (path == kFrameTable) {
    facts.tables.capacity_frames = piece->bytes / std::int64_t{kFrameRecordBytes};
  }
  return {};
}

Result<void> add_pixels(hid_t file, Facts& facts) {
  const auto header = header_address(file, kData);
  if (!header) return std::unexpected(header.error());
  facts.pixels_header = *header;
  const Handle set(H5Dopen2(file, kData.c_str(), H5P_DEFAULT));
  const auto compression = compression_of(set.get());
  if (!compression) return std::unexpected(compression.error());
  facts.compression = *compression;
  const Handle type(H5Dget_type(set.get()));
  const auto pixel = pixel_type(type.get());
  const auto sizes = dimensions(file, kData);
  if (!pixel || sizes.size() != 3) return fail(ErrorCode::kUnsupported, "pixels of another type");
  constexpr hsize_t kLongest = std::numeric_limits<std::uint32_t>::max();
  if (sizes[1] > kLongest || sizes[2] > kLongest ||
      sizes[1] * sizes[2] > kLongest / size_bytes(*pixel)) {
    return fail(ErrorCode::kUnsupported, "frames of 4 GiB and more");
  }
  facts.shape = {static_cast<std::uint32_t>(sizes[1]), static_cast<std::uint32_t>(sizes[2]),
                 *pixel};
  return {};
}

Result<Facts> facts_of(hid_t file) {
  Facts facts;
  facts.tables_begin = std::numeric_limits<std::int64_t>::max();
  if (auto done = add_pixels(file, facts); !done) return std::unexpected(done.error());
  if (has(file, kAccounting)) return fail(ErrorCode::kInvalid, "its finishing had begun");
  auto done = add_table(file, kFrameTable, facts, facts.tables.records);
  if (done) done = add_table(file, kTime, facts, facts.tables.time);
  for (const std::string& name : detector_names(file)) {
    std::int64_t place = 0;
    if (done) done = add_table(file, detector_path(name), facts, place);
    facts.tables.detectors.push_back(place);
  }
  if (!done) return std::unexpected(done.error());
  const auto valid = piece_of(file, kValid);
  const auto synced = piece_of(file, kSynced);
  const auto start = read_integer(file, kReadout + "/run_start_monotonic_ns");
  if (!valid) return std::unexpected(valid.error());
  if (!synced) return std::unexpected(synced.error());
  if (!start) return std::unexpected(start.error());
  facts.tables.valid = valid->address;
  facts.tables.synced = synced->address;
  facts.tables.run_start_monotonic_ns = *start;
  facts.tables.frame_bytes = static_cast<std::int64_t>(size_bytes(facts.shape));
  return facts;
}

/// `image` may be longer than it has to be.
Result<PackedHead> head_from(const Facts& facts, std::vector<std::byte> image) {
  PackedHead head;
  auto pixels = ObjectHeader::parse(image, facts.pixels_header);
  if (!pixels) return std::unexpected(pixels.error());
  const auto array = pixels->chunk_array();
  if (!array) return std::unexpected(array.error());
  const auto chunks = parse_array(image, *array);
  if (!chunks) return std::unexpected(chunks.error());
  const std::int64_t end = std::min(chunks->block, facts.tables_begin);
  if (end < static_cast<std::int64_t>(image.size())) image.resize(static_cast<std::size_t>(end));
  head.pixels_header = std::move(*pixels);
  for (const std::int64_t address : facts.table_headers) {
    auto header = ObjectHeader::parse(image, address);
    if (!header) return std::unexpected(header.error());
    head.table_headers.push_back(std::move(*header));
  }
  // Everything that is not written again has to be in the image.
  if (auto again = ObjectHeader::parse(image, facts.pixels_header); !again) {
    return std::unexpected(again.error());
  }
  if (auto again = parse_array(image, *array); !again) return std::unexpected(again.error());
  if (auto superblock = end_of_file(image); !superblock) {
    return std::unexpected(superblock.error());
  }
  if (chunks->entries < facts.tables.capacity_frames) {
    return fail(ErrorCode::kUnsupported, "an index of chunks that is shorter than the tables");
  }
  head.shape = facts.shape;
  head.compression = facts.compression;
  head.tables = facts.tables;
  head.chunks = *chunks;
  head.end = std::max(facts.tables_end, chunks->block + chunks->size_bytes());
  head.image = std::move(image);
  return head;
}

/// So that an image does not depend on when it was taken.
void normalise(PackedHead& head) {
  const auto put = [&](ObjectHeader& header, bool and_most) {
    header.set_rows(0, and_most);
    std::ranges::copy(header.bytes(), head.image.begin() + header.address());
  };
  put(head.pixels_header, false);
  for (ObjectHeader& header : head.table_headers) put(header, true);
  for (const std::int64_t count : {head.tables.valid, head.tables.synced}) {
    constexpr std::size_t kBytes = sizeof(std::int64_t);
    if (static_cast<std::size_t>(count) + kBytes > head.image.size()) continue;
    std::ranges::fill(std::span(head.image).subspan(static_cast<std::size_t>(count), kBytes),
                      std::byte{0});
  }
  set_end_of_file(head.image, static_cast<std::int64_t>(head.image.size()));
}

}  // namespace

Result<Compression> compression_of(hid_t dataset) {
  const Handle properties(H5Dget_create_plist(dataset));
  Compression compression;
  const int filters = properties.valid() ? H5Pget_nfilters(properties.get()) : 0;
  for (int i = 0; i < filters; ++i) {
    std::array<unsigned, 8> values{};
    std::size_t count = values.size();
    unsigned flags = 0;
    unsigned config = 0;
    const auto filter = H5Pget_filter2(properties.get(), static_cast<unsigned>(i), &flags, &count,
                                       values.data(), 0, nullptr, &config);
    const int level = static_cast<int>(values[0]);
    if (filter == H5Z_FILTER_DEFLATE) compression = {Codec::kGzip, level};
    if (filter == kLz4Id) compression = {Codec::kLz4, 0};
    if (filter == kBitshuffleId) compression = {Codec::kBitshuffleLz4, 0};
    if (filter == kZstdId) compression = {Codec::kZstd, level};
  }
  if (compression.codec == Codec::kNone) {
    return fail(ErrorCode::kUnsupported, "its frames are not compressed");
  }
  return compression;
}

Result<PackedHead> read_packed_head(FileSystem& files, const std::filesystem::path& path) {
  auto facts = [&]() -> Result<Facts> {
    const auto file = open_file(path.string(), H5F_ACC_RDONLY);
    if (!file) return std::unexpected(file.error());
    return facts_of(file->get());
  }();
  if (!facts) return std::unexpected(facts.error());
  auto fd = files.open(path, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  const auto size = files.size_bytes(fd->get());
  if (!size) return std::unexpected(size.error());
  std::vector<std::byte> image(static_cast<std::size_t>(std::min(facts->tables_begin, *size)));
  const auto got = files.read_at(fd->get(), image, 0);
  if (!got) return std::unexpected(got.error());
  image.resize(*got);
  auto head = head_from(*facts, std::move(image));
  if (head) normalise(*head);
  return head;
}

Result<PackedHead> packed_head_of(std::vector<std::byte> image) {
  const auto facts = [&]() -> Result<Facts> {
    const auto file = open_image(image);
    if (!file) return std::unexpected(file.error());
    return facts_of(file->get());
  }();
  if (!facts) return std::unexpected(facts.error());
  return head_from(*facts, std::move(image));
}

Result<Handle> open_image(std::span<const std::byte> image) {
  // Two files of one name in memory would be one for the library.
  static std::atomic<std::uint64_t> number{0};
  set_up_library();
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_core(access.get(), std::size_t{64} << 10U, false);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  H5Pset_file_image(access.get(), const_cast<std::byte*>(image.data()), image.size());
  const std::string name = fmt::format("framelog-image-{}", number++);
  Handle file(H5Fopen(name.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!file.valid()) return fail(ErrorCode::kCorrupt, "HDF5 cannot open an image:", last_error());
  return file;
}

Result<void> lay_down(FileSystem& files, int fd, const PackedHead& head, std::int64_t end) {
  std::vector<std::byte> image = head.image;
  set_end_of_file(image, end);
  if (auto written = files.write_at(fd, image, 0); !written) return written;
  return ChunkArray(files, head.chunks).clear(fd);
}

PackedRows::PackedRows(FileSystem& files, const PackedHead& head)
    : files_(files), pixels_(head.pixels_header), tables_(head.table_headers) {}

Result<void> PackedRows::publish(int fd, std::int64_t rows) {
  for (ObjectHeader& table : tables_) {
    table.set_rows(rows, true);
    if (auto written = files_.write_at(fd, table.bytes(), table.address()); !written) {
      return written;
    }
  }
  pixels_.set_rows(rows, false);
  return files_.write_at(fd, pixels_.bytes(), pixels_.address());
}

}  // namespace framelog::hdf5
