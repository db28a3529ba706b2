#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// Where the frames of a file lie: one behind the other, rows in order, without gaps.
struct PixelLayout {
  FrameShape shape;
  std::uint64_t frames{};
  std::int64_t offset_bytes{};  ///< Of the first pixel.
  bool big_endian{};
};

/// The layout that an array of one to four dimensions has: (n) scalars, (y, x) one frame,
/// (n, y, x), or (sy, sx, y, x), which is sy * sx frames. Errors: a text for people, for another
/// number of dimensions, an empty array, or more bytes than any file has.
[[nodiscard]] std::expected<PixelLayout, std::string> layout_of(
    std::span<const std::uint64_t> dimensions, PixelType type, bool big_endian);

/// What a recording knows of one frame beside its pixels.
struct StoredInfo {
  FrameInfo info;
  std::optional<std::uint32_t> crc32c;  ///< Of the pixel bytes as they lie in the file.
};

/// A recording opened for reading, whatever its format. Read-only; reading allocates nothing.
/// Threads: one at a time.
class StoredFrames {
 public:
  /// Checks that the file is as long as `layout` says. `files` is borrowed. Errors: kCorrupt.
  [[nodiscard]] static Result<StoredFrames> over(FileSystem& files, UniqueFd pixels,
                                                 const std::filesystem::path& path,
                                                 const PixelLayout& layout);
  /// Adds the records of `path`, a NAME.frames file. Errors: kNotFound, kCorrupt, kUnsupported.
  [[nodiscard]] Result<void> add_records(const std::filesystem::path& path);
  /// Notes that `path` has told something of the recording.
  void add_input(std::filesystem::path path) { inputs_.push_back(std::move(path)); }

  [[nodiscard]] const FrameShape& shape() const noexcept { return layout_.shape; }
  [[nodiscard]] std::uint64_t frames() const noexcept { return layout_.frames; }
  /// Whether the frames have times, numbers and checksums of their own.
  [[nodiscard]] bool has_records() const noexcept { return records_.valid(); }
  /// All files that it is made of, the pixels first.
  [[nodiscard]] const std::vector<std::filesystem::path>& inputs() const noexcept {
    return inputs_;
  }

  /// Without records the numbers are `index`, and the times unknown. A torn record is the same, and
  /// the frame is flagged corrupt. Errors: kIo, kCorrupt when the file has become shorter.
  [[nodiscard]] Result<StoredInfo> info(std::uint64_t index) const noexcept;
  /// Fills `pixels` (size_bytes(shape())) in the machine's byte order. False when they do not fit
  /// `crc32c`. Errors: kIo, kCorrupt when the file has become shorter; `pixels` are undefined then.
  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) const noexcept;

 private:
  StoredFrames(FileSystem& files, UniqueFd pixels, const PixelLayout& layout) noexcept
      : files_(&files), pixels_(std::move(pixels)), layout_(layout) {}

  FileSystem* files_;
  UniqueFd pixels_;
  UniqueFd records_;
  PixelLayout layout_;
  std::vector<std::filesystem::path> inputs_;
};

/// Opens a regular file for reading; never waits for a pipe. Errors: kNotFound, kDenied, kInvalid
/// for a directory and everything else that is not a regular file.
[[nodiscard]] Result<UniqueFd> open_regular_file(FileSystem& files,
                                                 const std::filesystem::path& path);

}  // namespace framelog
