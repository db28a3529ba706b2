#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/segment.hpp"
#include "formats/tiff_strips.hpp"

/// Private to the tiff_*.cpp files of this folder.
namespace framelog::tiff {

/// Writes packed frames one behind the other, and their directories. Allocates only when it is
/// made. Threads: write.
class Packer {
 public:
  /// `fd` is borrowed.
  Packer(FileSystem& files, const Layout& layout, int fd);

  /// Writes frames and directories, which nothing leads to yet; the place behind the last one.
  /// Errors: kInvalid for a frame of an impossible size, kIo, kNoSpace.
  [[nodiscard]] Result<std::int64_t> write(std::int64_t first, std::span<const PackedFrame> frames);
  void go_on_at(std::int64_t end) noexcept { end_ = end; }
  void go_on_behind(const Strip& strip) noexcept { end_ = strip.offset + strip_room(strip.bytes); }

 private:
  [[nodiscard]] Result<void> put_pixels(std::span<const std::byte> pixels, std::int64_t offset);
  [[nodiscard]] Result<void> flush_pixels();
  [[nodiscard]] Result<void> flush_directories();

  FileSystem& files_;
  Layout layout_;
  int fd_;
  std::int64_t end_;  ///< Where the next strip begins.
  std::vector<std::byte> pixels_;
  std::size_t used_{};            ///< Of `pixels_`.
  std::int64_t pixels_offset_{};  ///< Where they go.
  std::vector<std::byte> directories_;
  std::size_t directories_used_{};
  std::int64_t first_directory_{};  ///< The frame that they begin with.
};

}  // namespace framelog::tiff
