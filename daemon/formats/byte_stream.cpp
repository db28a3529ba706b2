#include "formats/byte_stream.hpp"

#include <algorithm>

#include "formats/byte_order.hpp"

namespace framelog {
namespace {

/// Below it a call of the system costs as much as the copy.
constexpr std::size_t kLargeBytes = std::size_t{128} << 10U;
constexpr std::int64_t kWritebackBytes = std::int64_t{8} << 20U;

}  // namespace

ByteStream::ByteStream(FileSystem& files, int fd, std::int64_t offset, std::size_t buffer_bytes)
    : files_(files), fd_(fd), written_(offset), started_(offset), most_(buffer_bytes) {}

Result<void> ByteStream::append(std::span<const std::byte> bytes) {
  if (bytes.size() >= std::min(kLargeBytes, most_)) {
    if (auto done = flush(); !done) return done;
    return write(bytes);
  }
  if (used_ + bytes.size() > most_) {
    if (auto done = flush(); !done) return done;
  }
  if (buffer_.empty()) buffer_.resize(most_);
  std::ranges::copy(bytes, buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ += bytes.size();
  return {};
}

Result<void> ByteStream::append_swapped(std::span<const std::byte> bytes,
                                        std::size_t element_bytes) {
  if (element_bytes < 2) return append(bytes);
  if (buffer_.empty()) buffer_.resize(most_);
  while (!bytes.empty()) {
    if (most_ - used_ < element_bytes) {
      if (auto done = flush(); !done) return done;
    }
    const std::size_t room = (most_ - used_) / element_bytes * element_bytes;
    const auto part = bytes.first(std::min(room, bytes.size()));
    const auto place = std::span(buffer_).subspan(used_, part.size());
    std::ranges::copy(part, place.begin());
    swap_bytes(place, element_bytes);
    used_ += part.size();
    bytes = bytes.subspan(part.size());
  }
  return {};
}

Result<void> ByteStream::flush() {
  if (used_ == 0) return {};
  const std::size_t bytes = used_;
  used_ = 0;
  return write(std::span(buffer_).first(bytes));
}

Result<void> ByteStream::write(std::span<const std::byte> bytes) {
  if (auto done = files_.write_at(fd_, bytes, written_); !done) return done;
  written_ += static_cast<std::int64_t>(bytes.size());
  if (written_ - started_ >= kWritebackBytes) {
    files_.start_writeback(fd_, started_, written_ - started_);
    started_ = written_;
  }
  return {};
}

}  // namespace framelog
