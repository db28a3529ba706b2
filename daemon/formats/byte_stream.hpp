#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"

namespace framelog {

/// Bytes put one behind the other into an open file, from a place on, in few and large writes. What
/// is written goes on its way to the disk at once, so that the sync at the end has little left to
/// wait for. Threads: one at a time.
class ByteStream {
 public:
  static constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;

  /// `files` and `fd` are borrowed.
  ByteStream(FileSystem& files, int fd, std::int64_t offset,
             std::size_t buffer_bytes = kBufferBytes);
  /// Large pieces are written as they are, without a copy. Errors: kIo, kNoSpace.
  [[nodiscard]] Result<void> append(std::span<const std::byte> bytes);
  /// The same with the order of bytes turned around in elements of that size.
  [[nodiscard]] Result<void> append_swapped(std::span<const std::byte> bytes,
                                            std::size_t element_bytes);
  template <class T>
  [[nodiscard]] Result<void> append_value(const T& value) {
    return append(std::as_bytes(std::span(&value, 1)));
  }
  [[nodiscard]] Result<void> flush();
  /// Where the next byte goes.
  [[nodiscard]] std::int64_t offset() const noexcept {
    return written_ + static_cast<std::int64_t>(used_);
  }

 private:
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);

  FileSystem& files_;
  int fd_;
  std::int64_t written_;
  std::int64_t started_;  ///< Up to here the disk has been told.
  std::vector<std::byte> buffer_;
  std::size_t most_;
  std::size_t used_{};
};

}  // namespace framelog
