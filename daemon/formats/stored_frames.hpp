#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/option.hpp"
#include "core/result.hpp"

namespace framelog {

/// Where the frames of a file lie: one behind the other, rows in order, without gaps.
struct PixelLayout {
  FrameShape shape;
  std::uint64_t frames{};
  std::int64_t offset_bytes{};  ///< Of the first pixel.
  bool big_endian{};
  /// Rows x columns of points, where the array has four dimensions or five.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> scan;
};

/// More dimensions no array of frames has.
inline constexpr std::size_t kMostDimensions = 5;

/// The layout that an array of one to five dimensions has: (n) scalars, (y, x) one frame,
/// (n, y, x), (sy, sx, y, x), which is sy * sx frames, or (t, sy, sx, y, x), which is t such scans.
/// Errors: a text for people, for another number of dimensions, an empty array, or more bytes than
/// any file has.
[[nodiscard]] std::expected<PixelLayout, std::string> layout_of(
    std::span<const std::uint64_t> dimensions, PixelType type, bool big_endian);

/// What a recording knows of one frame beside its pixels.
struct StoredInfo {
  FrameInfo info;                       ///< source_sequence: the recorded number, or the index.
  std::optional<std::uint32_t> crc32c;  ///< Of the pixel bytes as they lie in the file.
  std::uint32_t lost_before{};          ///< Frames lost between the one before and this one.
};

/// What a file of frames says of itself.
struct StoredFacts {
  FrameShape shape;
  std::uint64_t frames{};
  /// Points, rows x columns, where the file has them; the frames are one such scan or several.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> scan;
  bool has_times{};  ///< info() tells the times of frames.
  std::optional<double> saturation;
  std::optional<int> bit_depth;
  std::string description;  ///< One line for people: "Merlin, 4 chips, 12 bit".
  /// What it tells of its instrument, for provenance.
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::filesystem::path> inputs;  ///< All files that it is made of, the pixels first.
  /// y, x: of one pixel, and where the centre of pixel 0 is, in the same unit; unit empty: unknown.
  std::array<Length, 2> pixel_size;
  std::array<double, 2> origin{};
  std::array<Length, 2> scan_step;  ///< Likewise, from point to point.
  std::int64_t start_utc_ns{-1};    ///< Where FrameInfo::monotonic_ns counts from 0 on.
  double first_s{};  ///< From the start of the run to the first frame, where the file tells it.
  std::string title, channel, value_unit;
  std::string provenance_json;  ///< As the file holds it; empty: none.
};

/// A recording opened for reading, whatever its format. Read-only; reading allocates nothing,
/// unless the format says otherwise. Threads: one at a time.
class StoredFrames {
 public:
  virtual ~StoredFrames() = default;
  [[nodiscard]] virtual const StoredFacts& facts() const noexcept = 0;
  /// Of frame `index`, below facts().frames. A frame whose record is torn has the flag kFlagCorrupt
  /// and no checksum, its number is the index, and its times are unknown. Errors: kIo, kCorrupt
  /// when the file has become shorter.
  [[nodiscard]] virtual Result<StoredInfo> info(std::uint64_t index) noexcept = 0;
  /// Fills `pixels` (size_bytes(shape)) in the machine's byte order. False when they do not fit
  /// `crc32c`. Errors: kIo, kCorrupt when the file has become shorter; `pixels` are undefined then.
  [[nodiscard]] virtual Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                          std::optional<std::uint32_t> crc32c) noexcept = 0;
};

/// Checks that the file is as long as `layout` says. Errors: kIo, kCorrupt.
[[nodiscard]] Result<void> check_length(FileSystem& files, int fd,
                                        const std::filesystem::path& path,
                                        const PixelLayout& layout);

/// Opens a regular file for reading; never waits for a pipe. Errors: kNotFound, kDenied, kInvalid
/// for a directory and everything else that is not a regular file.
[[nodiscard]] Result<UniqueFd> open_regular_file(FileSystem& files,
                                                 const std::filesystem::path& path);

}  // namespace framelog
