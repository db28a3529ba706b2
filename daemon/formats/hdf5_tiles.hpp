#pragma once

#include <hdf5.h>

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/result.hpp"
#include "formats/hdf5_filters.hpp"

/// Private to the hdf5_*.cpp files of this folder.
namespace framelog::hdf5 {

/// Reads frames out of packed chunks of any shape, and unpacks these without HDF5, which believes
/// of a damaged chunk that it came to as many bytes as it should have. The chunks of some frames
/// are kept, so that none is unpacked once per frame. Threads: one at a time.
class FrameTiles {
 public:
  /// Larger chunks are left to HDF5.
  static constexpr std::size_t kLargestChunkBytes = std::size_t{256} << 20U;

  /// Empty where chunks are not packed, too large to be kept, or where only HDF5 can unpack them.
  [[nodiscard]] static std::optional<FrameTiles> of(hid_t dataset, std::span<const hsize_t> sizes);

  /// A frame's pixels as they are stored: `start` is where its first pixel is in the dataset, whose
  /// last two dimensions are rows and columns. Errors: kCorrupt; kNoMemory.
  [[nodiscard]] Result<void> read(hid_t dataset, std::span<const hsize_t> start,
                                  std::span<std::byte> pixels);

 private:
  using Place = std::vector<hsize_t>;

  FrameTiles(ChunkDecoder decoder, std::span<const hsize_t> sizes, std::vector<hsize_t> chunk,
             std::size_t pixel_bytes);
  [[nodiscard]] Result<std::span<const std::byte>> unpacked(hid_t dataset, const Place& corner);
  void copy(std::span<const hsize_t> start, const Place& corner, std::span<const std::byte> chunk,
            std::span<std::byte> pixels) const;

  ChunkDecoder decoder_;
  std::vector<hsize_t> sizes_;
  std::vector<hsize_t> chunk_;
  std::size_t pixel_bytes_;
  std::size_t chunk_bytes_;
  std::size_t most_kept_;  ///< Chunks.
  std::map<Place, std::vector<std::byte>> kept_;
  std::vector<std::byte> packed_;
};

}  // namespace framelog::hdf5
