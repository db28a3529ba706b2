#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "formats/tiff_layout.hpp"

/// Private to the tiff_*.cpp files of this folder: each frame of a TIFF that we record is one strip
/// with a directory of its own.
namespace framelog::tiff {

/// Where the pixels of a frame lie.
struct Strip {
  std::int64_t offset{};
  std::int64_t bytes{};
  bool is_packed{};
};

/// Of a frame of a file without compression.
[[nodiscard]] Strip plain_strip(const Layout& layout, std::int64_t frame) noexcept;

/// The tags of a frame's directory, in their order.
[[nodiscard]] std::array<Entry, kFrameTags> frame_entries(const Layout& layout,
                                                          const Strip& strip) noexcept;
/// Writes a frame's directory; `into` has directory_stride() bytes.
void put_frame(std::span<std::byte> into, const Layout& layout, const Strip& strip,
               std::int64_t next) noexcept;
/// The strip that a frame's directory tells of. Errors: kCorrupt when there cannot be such a one.
[[nodiscard]] Result<Strip> get_strip(std::span<const std::byte> directory, const Layout& layout);
/// The same of a frame of a file.
[[nodiscard]] Result<Strip> read_strip(FileSystem& files, int fd, const Layout& layout,
                                       std::int64_t frame);

/// Writes the directories of all frames of a file without compression, each linked to the next.
[[nodiscard]] Result<void> write_directories(FileSystem& files, int fd, const Layout& layout);
/// Makes the directories of the first `frames` frames what they have to be: linked up to the last
/// of them, and no further. Writes only what is otherwise. Errors: kCorrupt when a frame that is
/// packed has none.
[[nodiscard]] Result<void> complete_directories(FileSystem& files, int fd, const Layout& layout,
                                                std::int64_t frames);

}  // namespace framelog::tiff
