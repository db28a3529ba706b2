#include "formats/zip_reader.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "formats/stored_frames.hpp"

namespace framelog {
namespace {

constexpr std::uint32_t kLocalMagic = 0x04034B50;
constexpr std::uint32_t kDirectoryMagic = 0x02014B50;
constexpr std::uint32_t kEnd64Magic = 0x06064B50;
constexpr std::uint32_t kLocator64Magic = 0x07064B50;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLongestComment = 65535;
constexpr std::uint64_t kMostDirectoryBytes = std::uint64_t{64} << 20U;

template <class Number>
Number get(std::string_view from, std::size_t at) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Number) && at + i < from.size(); ++i) {
    number |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[at + i])) << (8 * i);
  }
  return static_cast<Number>(number);
}

std::unexpected<Error> damaged() { return fail(ErrorCode::kCorrupt, "a zip that is damaged"); }

/// The fields of zip64 stand in this order, those only that did not fit.
void take_zip64(std::string_view extra, ZipMember& member) {
  while (extra.size() >= 4) {
    const auto id = get<std::uint16_t>(extra, 0);
    const std::size_t bytes = get<std::uint16_t>(extra, 2);
    std::string_view field = extra.substr(4, bytes);
    extra.remove_prefix(std::min(extra.size(), 4 + bytes));
    if (id != 1) continue;
    constexpr std::uint32_t kMissing = std::numeric_limits<std::uint32_t>::max();
    const auto take = [&](auto& number) {
      if (std::cmp_not_equal(number, kMissing) || field.size() < 8) return;
      number = static_cast<std::remove_reference_t<decltype(number)>>(get<std::uint64_t>(field, 0));
      field.remove_prefix(8);
    };
    take(member.bytes);
    take(member.packed_bytes);
    take(member.header);
  }
}

struct Directory {
  std::uint64_t offset{};
  std::uint64_t bytes{};
};

}  // namespace

Result<std::string> ZipFile::read(std::int64_t offset, std::uint64_t bytes) const {
  if (offset < 0 || bytes > kMostDirectoryBytes) return damaged();
  std::string text(bytes, '\0');
  const auto got = files_->read_at(fd_.get(), std::as_writable_bytes(std::span(text)), offset);
  if (!got) return fail_errno(got.error().system_errno, "cannot read a zip");
  if (*got != text.size()) return damaged();
  return text;
}

Result<ZipFile> ZipFile::open(FileSystem& files, const std::filesystem::path& path) {
  auto fd = open_regular_file(files, path);
  if (!fd) return std::unexpected(fd.error());
  ZipFile zip(files, std::move(*fd), path);
  if (auto done = zip.read_directory(); !done) {
    done.error().context = path.string();
    return std::unexpected(done.error());
  }
  return zip;
}

Result<void> ZipFile::read_directory() {
  const auto size = files_->size_bytes(fd_.get());
  if (!size) return std::unexpected(size.error());
  const auto tail_bytes =
      std::min<std::int64_t>(*size, kEndBytes + kLongestComment + kLocatorBytes);
  const auto tail = read(*size - tail_bytes, static_cast<std::uint64_t>(tail_bytes));
  if (!tail) return std::unexpected(tail.error());
  const std::size_t end = tail->rfind(std::string_view("PK\x05\x06", 4));
  if (end == std::string::npos || tail->size() - end < kEndBytes) return damaged();
  Directory directory{get<std::uint32_t>(*tail, end + 16), get<std::uint32_t>(*tail, end + 12)};
  if (end >= kLocatorBytes && get<std::uint32_t>(*tail, end - kLocatorBytes) == kLocator64Magic) {
    const auto place = get<std::int64_t>(*tail, end - kLocatorBytes + 8);
    const auto end64 = read(place, kEnd64Bytes);
    if (!end64) return std::unexpected(end64.error());
    if (get<std::uint32_t>(*end64, 0) != kEnd64Magic) return damaged();
    directory = {get<std::uint64_t>(*end64, 48), get<std::uint64_t>(*end64, 40)};
  }
  const auto text = read(static_cast<std::int64_t>(directory.offset), directory.bytes);
  if (!text) return std::unexpected(text.error());
  for (std::string_view rest = *text; rest.size() >= kEntryBytes;) {
    if (get<std::uint32_t>(rest, 0) != kDirectoryMagic) return damaged();
    const std::size_t name = get<std::uint16_t>(rest, 28);
    const std::size_t extra = get<std::uint16_t>(rest, 30);
    const std::size_t all = kEntryBytes + name + extra + get<std::uint16_t>(rest, 32);
    if (rest.size() < all) return damaged();
    const auto flags = get<std::uint16_t>(rest, 8);
    const auto method = get<std::uint16_t>(rest, 10);
    ZipMember member{std::string(rest.substr(kEntryBytes, name)),
                     get<std::uint32_t>(rest, 24),
                     get<std::uint32_t>(rest, 20),
                     get<std::uint32_t>(rest, 42),
                     method == 8,
                     get<std::uint32_t>(rest, 16)};
    take_zip64(rest.substr(kEntryBytes + name, extra), member);
    const bool readable = (flags & 1U) == 0 && (method == 0 || method == 8);
    if (readable) members_.push_back(std::move(member));
    rest.remove_prefix(all);
  }
  return {};
}

const ZipMember* ZipFile::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(members_, name, &ZipMember::name);
  return found == members_.end() ? nullptr : &*found;
}

Result<std::int64_t> ZipFile::data_offset(const ZipMember& member) const {
  const auto local = read(member.header, kLocalBytes);
  if (!local) return std::unexpected(local.error());
  if (get<std::uint32_t>(*local, 0) != kLocalMagic) return damaged();
  const std::int64_t behind = get<std::uint16_t>(*local, 26) + get<std::uint16_t>(*local, 28);
  return member.header + static_cast<std::int64_t>(kLocalBytes) + behind;
}

struct ZipMemberReader::State {
  const ZipFile* zip{};
  ZipMember member;
  std::int64_t data{};
  // Of a packed member: where the stream stands.
  z_stream stream{};
  bool begun{};
  std::uint64_t unpacked{};
  std::uint64_t taken{};  ///< Packed bytes that were read.
  std::array<std::byte, std::size_t{1} << 16U> packed{};
  // Of the bytes from the first on that have been given.
  std::uint64_t checked{};
  uLong checksum{};

  ~State() {
    if (begun) inflateEnd(&stream);
  }
  Result<void> begin() {
    if (begun) inflateEnd(&stream);
    stream = {};
    unpacked = taken = 0;
    begun = inflateInit2(&stream, -MAX_WBITS) == Z_OK;
    if (begun) return {};
    return fail(ErrorCode::kNoMemory, "cannot unpack a zip");
  }
  /// `bytes` are those from `offset` on.
  Result<void> check(std::uint64_t offset, std::span<const std::byte> bytes) {
    const std::uint64_t end = offset + bytes.size();
    if (offset > checked || end <= checked) return {};
    const auto fresh = bytes.subspan(checked - offset);
    checksum = crc32_z(checksum, reinterpret_cast<const Bytef*>(fresh.data()), fresh.size());
    checked = end;
    if (checked < member.bytes || checksum == member.crc32) return {};
    return fail(ErrorCode::kCorrupt, "a zip whose bytes do not have their checksum");
  }
  Result<void> refill() {
    const std::uint64_t count = std::min<std::uint64_t>(packed.size(), member.packed_bytes - taken);
    const auto got = zip->files().read_at(zip->fd(), std::span(packed).first(count),
                                          data + static_cast<std::int64_t>(taken));
    if (!got) return fail_errno(got.error().system_errno, "cannot read a zip");
    if (*got != count) return damaged();
    taken += count;
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(count);
    return {};
  }
  Result<void> unpack(std::span<std::byte> into) {
    constexpr std::size_t kMost = std::size_t{1} << 30U;
    while (!into.empty()) {
      // Behind the last packed byte there may still be output that found no room before.
      if (stream.avail_in == 0 && taken < member.packed_bytes) {
        if (auto done = refill(); !done) return done;
      }
      const std::size_t room = std::min(into.size(), kMost);
      stream.next_out = reinterpret_cast<Bytef*>(into.data());
      stream.avail_out = static_cast<uInt>(room);
      const int state = inflate(&stream, Z_NO_FLUSH);
      const std::size_t got = room - stream.avail_out;
      if (auto done = check(unpacked, into.first(got)); !done) return done;
      unpacked += got;
      into = into.subspan(got);
      if (state == Z_STREAM_END && !into.empty()) return damaged();
      if (state != Z_OK && state != Z_STREAM_END) return damaged();
    }
    return {};
  }
  /// All of `bytes`, from `offset` on.
  Result<void> read(std::uint64_t offset, std::span<std::byte> bytes) {
    if (offset > member.bytes || bytes.size() > member.bytes - offset) return damaged();
    if (!member.is_packed) {
      const auto got =
          zip->files().read_at(zip->fd(), bytes, data + static_cast<std::int64_t>(offset));
      if (!got) return fail_errno(got.error().system_errno, "cannot read a zip");
      if (*got != bytes.size()) return damaged();
      return check(offset, bytes);
    }
    if (!begun || offset < unpacked) {
      if (auto done = begin(); !done) return done;
    }
    std::array<std::byte, std::size_t{1} << 14U> skipped{};
    while (unpacked < offset) {
      const std::uint64_t count = std::min<std::uint64_t>(skipped.size(), offset - unpacked);
      if (auto done = unpack(std::span(skipped).first(count)); !done) return done;
    }
    return unpack(bytes);
  }
};

ZipMemberReader::ZipMemberReader(std::unique_ptr<State> state) noexcept
    : state_(std::move(state)) {}
ZipMemberReader::~ZipMemberReader() = default;

Result<std::unique_ptr<ZipMemberReader>> ZipMemberReader::open(const ZipFile& zip,
                                                               const ZipMember& member) {
  auto state = std::make_unique<State>();
  const auto data = zip.data_offset(member);
  if (!data) return std::unexpected(data.error());
  state->zip = &zip;
  state->member = member;
  state->data = *data;
  return std::unique_ptr<ZipMemberReader>(new ZipMemberReader(std::move(state)));
}

std::uint64_t ZipMemberReader::bytes() const noexcept { return state_->member.bytes; }

Result<void> ZipMemberReader::read(std::uint64_t offset, std::span<std::byte> bytes) {
  auto done = state_->read(offset, bytes);
  if (!done)
    done.error().context = "(" + state_->zip->path().string() + ", " + state_->member.name + ")";
  return done;
}

}  // namespace framelog
