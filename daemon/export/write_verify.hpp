#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

#include "export/dataset_writer.hpp"

/// Private to the write_*.cpp files of this folder: reading an output back.
namespace framelog {

/// Compares slice after slice with what was written. Floats are compared as bits.
class SliceCheck {
 public:
  explicit SliceCheck(std::span<const std::uint32_t> crc32c) noexcept : crc32c_(crc32c) {}
  /// Errors: kCorrupt with the slice's number.
  [[nodiscard]] Result<void> take(std::uint64_t slice, std::span<const std::byte> pixels);
  /// Errors: kCorrupt, slices are missing.
  [[nodiscard]] Result<void> finish() const;

 private:
  std::span<const std::uint32_t> crc32c_;
  std::uint64_t taken_{};
};

/// Slices that lie one behind the other from `offset` on; the file ends with them where
/// `ends_there`.
[[nodiscard]] Result<void> verify_plain(FileSystem& files, const std::filesystem::path& path,
                                        std::int64_t offset, const ResultFacts& result,
                                        bool big_endian, bool ends_there,
                                        std::span<const std::uint32_t> crc32c);
/// By the reader that replay has (open_frame_file): frame after frame.
[[nodiscard]] Result<void> verify_frames(FileSystem& files, const std::filesystem::path& path,
                                         const ResultFacts& result,
                                         std::span<const std::uint32_t> crc32c);
/// By the HDF5 library.
[[nodiscard]] Result<void> verify_hdf5(const std::filesystem::path& path,
                                       const std::string& dataset, PixelType type,
                                       std::span<const std::uint64_t> shape,
                                       std::span<const std::uint32_t> crc32c);
/// The same of a dataset (n, x) whose rows are the slices.
[[nodiscard]] Result<void> verify_hdf5_rows(const std::filesystem::path& path,
                                            const std::string& dataset, const ResultFacts& result,
                                            std::span<const std::uint32_t> crc32c);

}  // namespace framelog
