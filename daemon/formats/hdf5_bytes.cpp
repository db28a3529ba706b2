#include "formats/hdf5_bytes.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "formats/lookup3.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kAddressBytes = 8;
constexpr std::size_t kEndOfFile = 28;  ///< Offset in the superblock.
constexpr std::string_view kSignature{"\x89HDF\r\n\x1a\n"};

std::uint64_t load(std::span<const std::byte> bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + offset, size);
  return value;
}

void store(std::span<std::byte> bytes, std::size_t offset, std::size_t size,
           std::uint64_t value) noexcept {
  std::memcpy(bytes.data() + offset, &value, size);
}

/// The last four bytes are the checksum of those before.
bool is_whole(std::span<const std::byte> bytes) {
  const std::size_t body = bytes.size() - kChecksumBytes;
  return load(bytes, body, kChecksumBytes) == lookup3(bytes.first(body));
}

void seal(std::span<std::byte> bytes) noexcept {
  const std::size_t body = bytes.size() - kChecksumBytes;
  store(bytes, body, kChecksumBytes, lookup3(bytes.first(body)));
}

bool begins_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

/// What `file` has from `address` on.
Result<std::span<const std::byte>> from(std::span<const std::byte> file, std::int64_t address,
                                        std::size_t least) {
  if (address < 0 || static_cast<std::uint64_t>(address) + least > file.size()) {
    return fail(ErrorCode::kCorrupt, "HDF5 metadata lies outside of the file's head");
  }
  return file.subspan(static_cast<std::size_t>(address));
}

}  // namespace

Result<std::int64_t> end_of_file(std::span<const std::byte> file) {
  if (file.size() < kSuperblockBytes || !begins_with(file, kSignature) || load(file, 8, 1) != 3 ||
      load(file, 9, 1) != kAddressBytes || load(file, 10, 1) != kAddressBytes ||
      load(file, 12, kAddressBytes) != 0) {
    return fail(ErrorCode::kUnsupported, "another superblock than version 3");
  }
  if (!is_whole(file.first(kSuperblockBytes))) {
    return fail(ErrorCode::kCorrupt, "the superblock's checksum is wrong");
  }
  return static_cast<std::int64_t>(load(file, kEndOfFile, kAddressBytes));
}

void set_end_of_file(std::span<std::byte> file, std::int64_t end) noexcept {
  store(file, kEndOfFile, kAddressBytes, static_cast<std::uint64_t>(end));
  seal(file.first(kSuperblockBytes));
}

Result<ObjectHeader> ObjectHeader::parse(std::span<const std::byte> file, std::int64_t address) {
  constexpr std::size_t kFlags = 5;
  constexpr std::size_t kShortest = 7;
  const auto found = from(file, address, kShortest);
  if (!found) return std::unexpected(found.error());
  if (!begins_with(*found, "OHDR") || load(*found, 4, 1) != 2) {
    return fail(ErrorCode::kUnsupported, "another object header than version 2");
  }
  const std::uint64_t flags = load(*found, kFlags, 1);
  const std::size_t size_bytes = std::size_t{1} << (flags & 3U);
  const std::size_t times = (flags & 0x20U) != 0 ? 16 : 0;
  const std::size_t phases = (flags & 0x10U) != 0 ? 4 : 0;
  ObjectHeader header;
  header.address_ = address;
  const std::size_t size_at = kFlags + 1 + times + phases;
  header.messages_ = size_at + size_bytes;
  header.message_head_bytes_ = (flags & 4U) != 0 ? 6 : 4;
  if (header.messages_ > found->size()) return fail(ErrorCode::kCorrupt, "a short object header");
  const std::uint64_t size = load(*found, size_at, size_bytes);
  if (size > found->size() || header.messages_ + size + kChecksumBytes > found->size()) {
    return fail(ErrorCode::kCorrupt, "a short object header");
  }
  header.end_ = header.messages_ + size;
  const auto all = found->first(header.end_ + kChecksumBytes);
  header.bytes_.assign(all.begin(), all.end());
  if (!is_whole(header.bytes_)) return fail(ErrorCode::kCorrupt, "an object header's checksum");

  constexpr std::uint8_t kDataspace = 1;
  const auto space = header.find(kDataspace);
  if (!space) return std::unexpected(space.error());
  const auto rank = load(header.bytes_, space->offset + 1, 1);
  const bool has_most = (load(header.bytes_, space->offset + 2, 1) & 1U) != 0;
  if (load(header.bytes_, space->offset, 1) != 2 || rank == 0 ||
      space->size < 4 + kAddressBytes * rank * (has_most ? 2 : 1)) {
    return fail(ErrorCode::kUnsupported, "another dataspace than version 2");
  }
  header.rows_ = space->offset + 4;
  header.most_rows_ = has_most ? header.rows_ + kAddressBytes * rank : 0;
  return header;
}

Result<ObjectHeader::Message> ObjectHeader::find(std::uint8_t type) const {
  for (std::size_t at = messages_; at + message_head_bytes_ <= end_;) {
    const std::size_t size = load(bytes_, at + 1, 2);
    const std::size_t body = at + message_head_bytes_;
    if (body + size > end_) break;
    if (load(bytes_, at, 1) == type) return Message{body, size};
    at = body + size;
  }
  return fail(ErrorCode::kUnsupported, "a message is not in the first part of its object header");
}

void ObjectHeader::set_rows(std::int64_t rows, bool and_most) noexcept {
  const auto value = static_cast<std::uint64_t>(rows);
  store(bytes_, rows_, kAddressBytes, value);
  if (and_most && most_rows_ != 0) store(bytes_, most_rows_, kAddressBytes, value);
  seal(bytes_);
}

Result<std::int64_t> ObjectHeader::chunk_array() const {
  constexpr std::uint8_t kLayout = 8;
  constexpr std::uint64_t kChunked = 2;
  constexpr std::uint64_t kFixedArray = 3;
  const auto layout = find(kLayout);
  if (!layout) return std::unexpected(layout.error());
  const auto at = [&](std::size_t offset, std::size_t size) {
    return load(bytes_, layout->offset + offset, size);
  };
  if (layout->size < 5 || at(0, 1) != 4 || at(1, 1) != kChunked) {
    return fail(ErrorCode::kUnsupported, "another data layout than version 4, chunked");
  }
  const std::size_t index = 5 + at(3, 1) * at(4, 1);
  if (layout->size < index + 2 + kAddressBytes || at(index, 1) != kFixedArray) {
    return fail(ErrorCode::kUnsupported, "another index of chunks than a fixed array");
  }
  return static_cast<std::int64_t>(at(index + 2, kAddressBytes));
}

namespace {

constexpr std::uint64_t kFiltered = 1;  ///< The array's client: chunks that have filters.
constexpr std::size_t kArrayHeaderBytes = 28;
constexpr std::size_t kPrefixHeadBytes = 14;
constexpr std::size_t kMaskBytes = 4;

}  // namespace

std::int64_t ArrayPlaces::pages() const noexcept { return entries / kArrayPageEntries; }

std::int64_t ArrayPlaces::prefix_bytes() const noexcept {
  return static_cast<std::int64_t>(kPrefixHeadBytes + kChecksumBytes) + (pages() + 7) / 8;
}

std::int64_t ArrayPlaces::page_bytes() const noexcept {
  return kArrayPageEntries * entry_bytes + static_cast<std::int64_t>(kChecksumBytes);
}

std::int64_t array_entries(std::int64_t chunks) noexcept {
  const std::int64_t pages = (chunks + kArrayPageEntries - 1) / kArrayPageEntries;
  return std::max(std::int64_t{2}, pages) * kArrayPageEntries;
}

Result<ArrayPlaces> parse_array(std::span<const std::byte> file, std::int64_t address) {
  const auto found = from(file, address, kArrayHeaderBytes);
  if (!found) return std::unexpected(found.error());
  const auto head = found->first(kArrayHeaderBytes);
  if (!begins_with(head, "FAHD") || load(head, 4, 1) != 0 || load(head, 5, 1) != kFiltered ||
      (std::int64_t{1} << load(head, 7, 1)) != kArrayPageEntries) {
    return fail(ErrorCode::kUnsupported, "another index of chunks than expected");
  }
  if (!is_whole(head)) return fail(ErrorCode::kCorrupt, "the checksum of the index of chunks");
  ArrayPlaces places;
  places.header = address;
  places.entry_bytes = static_cast<std::int64_t>(load(head, 6, 1));
  places.entries = static_cast<std::int64_t>(load(head, 8, kAddressBytes));
  places.block = static_cast<std::int64_t>(load(head, 16, kAddressBytes));
  const auto least = static_cast<std::int64_t>(kAddressBytes + 1 + kMaskBytes);
  const bool fits = places.entries > kArrayPageEntries && places.entries < std::int64_t{1} << 40U &&
                    places.entries % kArrayPageEntries == 0 && places.block > 0 &&
                    places.entry_bytes >= least && places.entry_bytes <= least + 7;
  if (!fits) return fail(ErrorCode::kUnsupported, "an index of chunks of another size");
  return places;
}

ChunkArray::ChunkArray(FileSystem& files, const ArrayPlaces& places)
    : files_(files),
      places_(places),
      prefix_(static_cast<std::size_t>(places.prefix_bytes())),
      page_(static_cast<std::size_t>(places.page_bytes())) {
  std::memcpy(prefix_.data(), "FADB", 4);
  store(prefix_, 5, 1, kFiltered);
  store(prefix_, 6, kAddressBytes, static_cast<std::uint64_t>(places.header));
}

Result<void> ChunkArray::clear(int fd) {
  std::ranges::fill(std::span(prefix_).subspan(kPrefixHeadBytes), std::byte{0});
  page_number_ = -1;
  return write_prefix(fd);
}

void ChunkArray::begin_page(std::int64_t page) noexcept {
  page_number_ = page;
  std::ranges::fill(page_, std::byte{0});
  const auto step = static_cast<std::size_t>(places_.entry_bytes);
  for (std::size_t at = 0; at + step <= page_.size(); at += step) {
    store(page_, at, kAddressBytes, ~std::uint64_t{0});  // No chunk.
  }
}

Result<void> ChunkArray::put(int fd, std::int64_t first, std::span<const ChunkPlace> chunks) {
  const auto step = static_cast<std::size_t>(places_.entry_bytes);
  const std::size_t size_bytes = step - kAddressBytes - kMaskBytes;
  for (std::size_t i = 0; i < chunks.size();) {
    const std::int64_t number = first + static_cast<std::int64_t>(i);
    if (number >= places_.entries) return fail(ErrorCode::kNoSpace, "the index of chunks is full");
    const std::int64_t page = number / kArrayPageEntries;
    const bool fresh = page != page_number_;
    if (fresh) begin_page(page);
    const auto room = static_cast<std::size_t>(kArrayPageEntries - number % kArrayPageEntries);
    const std::size_t end = std::min(chunks.size(), i + room);
    for (auto at = static_cast<std::size_t>(number % kArrayPageEntries) * step; i < end;
         ++i, at += step) {
      store(page_, at, kAddressBytes, static_cast<std::uint64_t>(chunks[i].offset));
      store(page_, at + kAddressBytes, size_bytes, static_cast<std::uint64_t>(chunks[i].bytes));
      store(page_, at + kAddressBytes + size_bytes, kMaskBytes, chunks[i].filter_mask);
    }
    if (auto written = write_page(fd); !written) return written;
    if (!fresh) continue;
    const auto bit = static_cast<std::size_t>(page);
    prefix_[kPrefixHeadBytes + bit / 8] |= std::byte{0x80} >> (bit % 8);
    if (auto written = write_prefix(fd); !written) return written;
  }
  return {};
}

Result<void> ChunkArray::write_page(int fd) {
  seal(page_);
  return files_.write_at(
      fd, page_, places_.block + places_.prefix_bytes() + page_number_ * places_.page_bytes());
}

Result<void> ChunkArray::write_prefix(int fd) {
  seal(prefix_);
  return files_.write_at(fd, prefix_, places_.block);
}

Result<std::vector<ChunkPlace>> read_chunks(FileSystem& files, int fd, const ArrayPlaces& places,
                                            std::int64_t first, std::int64_t count) {
  std::vector<ChunkPlace> chunks(static_cast<std::size_t>(count));
  std::vector<std::byte> page(static_cast<std::size_t>(places.page_bytes()));
  const auto step = static_cast<std::size_t>(places.entry_bytes);
  const std::size_t size_bytes = step - kAddressBytes - kMaskBytes;
  std::int64_t loaded = -1;
  bool whole = false;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t number = first + i;
    const std::int64_t wanted = number / kArrayPageEntries;
    if (wanted >= places.pages()) break;
    if (wanted != loaded) {
      const auto got = files.read_at(
          fd, page, places.block + places.prefix_bytes() + wanted * places.page_bytes());
      if (!got) return std::unexpected(got.error());
      whole = *got == page.size() && is_whole(page);
      loaded = wanted;
    }
    if (!whole) continue;
    const auto at = static_cast<std::size_t>(number % kArrayPageEntries) * step;
    auto& chunk = chunks[static_cast<std::size_t>(i)];
    chunk.offset = static_cast<std::int64_t>(load(page, at, kAddressBytes));
    chunk.bytes = static_cast<std::int64_t>(load(page, at + kAddressBytes, size_bytes));
    chunk.filter_mask =
        static_cast<std::uint32_t>(load(page, at + kAddressBytes + size_bytes, kMaskBytes));
  }
  return chunks;
}

}  // namespace framelog::hdf5
