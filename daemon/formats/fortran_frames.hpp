#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "formats/stored_frames.hpp"

namespace framelog {

/// Frames of an array whose first index runs fastest (Fortran order): the pixels of one frame are
/// scattered over the whole file. As many frames as fit into memory are gathered in one pass over
/// it, so that reading one behind the other costs one pass per that many frames.
class FortranFrames final : public StoredFrames {
 public:
  struct Memory {
    std::size_t frames_bytes = std::size_t{64} << 20U;  ///< For gathered frames; at least one.
    std::size_t piece_bytes = std::size_t{1} << 20U;    ///< Read at once.
  };

  /// Checks that the file is as long as `layout` says, and allocates. `files` is borrowed.
  /// `description`: of the format, for people. Errors: kIo, kCorrupt, kNoMemory.
  [[nodiscard]] static Result<std::unique_ptr<StoredFrames>> over(
      FileSystem& files, UniqueFd pixels, const std::filesystem::path& path,
      const PixelLayout& layout, std::string description, const Memory& memory);

  [[nodiscard]] const StoredFacts& facts() const noexcept override { return facts_; }
  [[nodiscard]] Result<StoredInfo> info(std::uint64_t index) noexcept override;
  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) noexcept override;

 private:
  /// A run of the values that one pixel has in consecutive places of the first axis, or axes.
  struct Run {
    std::uint64_t pixel{};  ///< In the order of the file: y runs fastest.
    std::uint64_t place{};
    std::uint64_t length{};
  };

  FortranFrames(FileSystem& files, UniqueFd pixels, const PixelLayout& layout,
                const Memory& memory) noexcept;
  [[nodiscard]] Result<void> gather(std::uint64_t first) noexcept;
  [[nodiscard]] Result<void> gather_runs(std::uint64_t place, std::uint64_t length) noexcept;
  [[nodiscard]] Result<void> gather_rows(std::uint64_t place, std::uint64_t length) noexcept;
  [[nodiscard]] Result<void> fetch(std::uint64_t value, std::uint64_t count) noexcept;
  void scatter(const Run& run, const std::byte* values) noexcept;
  template <class T>
  void scatter_as(const Run& run, const std::byte* values) noexcept;

  FileSystem& files_;
  UniqueFd fd_;
  PixelLayout layout_;
  StoredFacts facts_;
  std::uint64_t scan_rows_{1};  // Of one row where there is no scan.
  std::uint64_t scan_columns_{};
  std::uint64_t pixel_count_{};  // Of a frame.
  std::size_t pixel_bytes_{};
  std::uint64_t capacity_{};      // Frames that fit into gathered_.
  std::uint64_t piece_values_{};  // Values that fit into piece_.
  std::unique_ptr<std::byte[]> gathered_;
  std::unique_ptr<std::byte[]> piece_;
  std::uint64_t first_{};  // The frames in gathered_.
  std::uint64_t count_{};
};

}  // namespace framelog
