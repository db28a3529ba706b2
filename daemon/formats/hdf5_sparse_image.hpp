#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <vector>

#include "core/file_system.hpp"
#include "formats/hdf5_tree.hpp"

/// Private to the hdf5_*.cpp files of this folder: an HDF5 file in memory.
namespace framelog::hdf5 {

/// A file that the library makes, of which only what is written takes memory: pixels that are only
/// allocated take none. The library never fails to write to it, and so can always close it.
/// Threads: one at a time. It must outlive the handle that create() returns.
class SparseImage {
 public:
  SparseImage() = default;
  SparseImage(const SparseImage&) = delete;
  SparseImage& operator=(const SparseImage&) = delete;

  /// Creates the file with these properties, of which the driver is replaced.
  [[nodiscard]] Handle create(hid_t creation, const Handle& access);
  /// Makes the new and empty file `fd` the same, with holes where nothing was written. After the
  /// library has closed it. Errors: kNoMemory, it did not fit into memory; those of FileSystem.
  [[nodiscard]] Result<void> write_to(FileSystem& files, int fd) const;

  /// What the driver calls.
  void write(std::uint64_t offset, std::span<const std::byte> bytes) noexcept;
  void read(std::uint64_t offset, std::span<std::byte> bytes) const noexcept;
  void resize(std::uint64_t size_bytes) noexcept { size_bytes_ = size_bytes; }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_bytes_; }

 private:
  std::map<std::uint64_t, std::vector<std::byte>> blocks_;  ///< By number, each of the same size.
  std::uint64_t size_bytes_{};
  bool out_of_memory_{};
};

/// Writes the image to a file that is made empty or, with O_EXCL in `flags`, made anew.
[[nodiscard]] Result<void> write_image(FileSystem& files, const std::filesystem::path& path,
                                       const SparseImage& image, int flags = 0);

}  // namespace framelog::hdf5
