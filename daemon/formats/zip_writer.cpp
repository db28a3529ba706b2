#include "formats/zip_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMost16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kCrcOffset = 14;        // In a local header.
constexpr std::uint32_t kUtf8Name = 1U << 11U;  // General purpose flag.
constexpr std::uint32_t kFirstOfJanuary1980 = 0x0021;
constexpr std::uint32_t kMadeByUnix = 3U << 8U | 45;
constexpr std::uint32_t kPlainFile = 0100644U << 16U;
constexpr std::size_t kLongestName = 65535;

class Bytes {
 public:
  Bytes& put(std::uint64_t value, int count) {
    for (int place = 0; place < count; ++place) {
      bytes_.push_back(static_cast<std::byte>(value >> (8U * static_cast<unsigned>(place))));
    }
    return *this;
  }
  Bytes& put(const std::string& text) {
    for (const char character : text) bytes_.push_back(static_cast<std::byte>(character));
    return *this;
  }
  [[nodiscard]] std::vector<std::byte>& bytes() noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
};

std::uint32_t version_needed(bool long_sizes) { return long_sizes ? 45 : 20; }
std::uint64_t capped(std::uint64_t value) { return std::min(value, kMost32); }

std::vector<std::byte> local_header(const std::string& name, std::uint64_t size_bytes) {
  const bool is_long = size_bytes >= kMost32;
  Bytes header;
  header.put(0x04034B50, 4).put(version_needed(is_long), 2).put(kUtf8Name, 2);
  header.put(0, 2).put(0, 2).put(kFirstOfJanuary1980, 2);  // Stored; time and date.
  header.put(0, 4);                                        // The CRC-32, when it is known.
  header.put(capped(size_bytes), 4).put(capped(size_bytes), 4);
  header.put(name.size(), 2).put(is_long ? 20 : 0, 2).put(name);
  if (is_long) header.put(1, 2).put(16, 2).put(size_bytes, 8).put(size_bytes, 8);
  return std::move(header.bytes());
}

bool is_allowed(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName && is_utf8(name) && name.front() != '/' &&
         name.find("..") == std::string::npos && name.find('\\') == std::string::npos;
}

}  // namespace

Result<ZipWriter> ZipWriter::create(FileSystem& files, const std::filesystem::path& path) {
  auto file = files.open(path, O_RDWR | O_CREAT | O_EXCL);
  if (!file) return std::unexpected(file.error());
  return ZipWriter(files, std::move(*file));
}

Result<void> ZipWriter::write(std::span<const std::byte> bytes) {
  const auto wrote = files_->write_at(file_.get(), bytes, static_cast<std::int64_t>(written_));
  if (wrote) written_ += bytes.size();
  return wrote;
}

Result<void> ZipWriter::begin(const std::string& name, std::uint64_t size_bytes) {
  if (const auto ended = end_entry(); !ended) return ended;
  if (!is_allowed(name)) {
    return fail(ErrorCode::kInvalid, "no name for an entry of a zip:", in_quotes(name));
  }
  if (!names_.insert(name).second) {
    return fail(ErrorCode::kInvalid, "a zip cannot have two entries named", in_quotes(name));
  }
  entries_.push_back({name, size_bytes, written_, 0});
  missing_ = size_bytes;
  return write(local_header(name, size_bytes));
}

Result<void> ZipWriter::append(std::span<const std::byte> bytes) {
  if (entries_.empty() || bytes.size() > missing_) {
    return fail(ErrorCode::kInvalid, "more bytes than the entry of the zip has");
  }
  Entry& entry = entries_.back();
  entry.crc = static_cast<std::uint32_t>(
      crc32_z(entry.crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  missing_ -= bytes.size();
  return write(bytes);
}

Result<void> ZipWriter::add(const std::string& name, std::span<const std::byte> bytes) {
  if (auto begun = begin(name, bytes.size()); !begun) return begun;
  return append(bytes);
}

Result<void> ZipWriter::end_entry() {
  if (entries_.empty()) return {};
  const Entry& entry = entries_.back();
  if (missing_ > 0) {
    return fail(ErrorCode::kInvalid, "an entry of a zip is not whole:",
                fmt::format("{}, {} bytes are missing", entry.name, missing_));
  }
  Bytes crc;
  crc.put(entry.crc, 4);
  return files_->write_at(file_.get(), crc.bytes(),
                          static_cast<std::int64_t>(entry.offset + kCrcOffset));
}

std::vector<std::byte> ZipWriter::directory() const {
  Bytes all;
  for (const Entry& entry : entries_) {
    const bool is_long = entry.size_bytes >= kMost32 || entry.offset >= kMost32;
    all.put(0x02014B50, 4).put(kMadeByUnix, 2).put(version_needed(is_long), 2).put(kUtf8Name, 2);
    all.put(0, 2).put(0, 2).put(kFirstOfJanuary1980, 2).put(entry.crc, 4);
    // Either all of the three long ones are in the extra field or none.
    const std::uint64_t size = is_long ? kMost32 : entry.size_bytes;
    all.put(size, 4).put(size, 4).put(entry.name.size(), 2).put(is_long ? 28 : 0, 2);
    all.put(0, 2).put(0, 2).put(0, 2).put(kPlainFile, 4);
    all.put(is_long ? kMost32 : entry.offset, 4).put(entry.name);
    if (!is_long) continue;
    all.put(1, 2).put(24, 2).put(entry.size_bytes, 8).put(entry.size_bytes, 8).put(entry.offset, 8);
  }
  const std::uint64_t size = all.size();
  const std::uint64_t count = entries_.size();
  if (count >= kMost16 || size >= kMost32 || written_ >= kMost32) {
    all.put(0x06064B50, 4).put(44, 8).put(kMadeByUnix, 2).put(45, 2).put(0, 4).put(0, 4);
    all.put(count, 8).put(count, 8).put(size, 8).put(written_, 8);
    all.put(0x07064B50, 4).put(0, 4).put(written_ + size, 8).put(1, 4);
  }
  all.put(0x06054B50, 4).put(0, 2).put(0, 2);
  all.put(std::min(count, kMost16), 2).put(std::min(count, kMost16), 2);
  all.put(capped(size), 4).put(capped(written_), 4).put(0, 2);
  return std::move(all.bytes());
}

Result<void> ZipWriter::finish() {
  if (const auto ended = end_entry(); !ended) return ended;
  if (const auto wrote = write(directory()); !wrote) return wrote;
  return files_->sync(file_.get());
}

}  // namespace framelog
