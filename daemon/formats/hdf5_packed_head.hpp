#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "formats/compression.hpp"
#include "formats/hdf5_bytes.hpp"
#include "formats/hdf5_tree.hpp"
#include "formats/segment_tables.hpp"

/// Private to the hdf5_*.cpp files of this folder: the head of a segment of compressed frames.
///
///   [ metadata, valid, synced ][ index of chunks, tables ][ packed frames ... ]
///   0                   image.size()                    end
namespace framelog::hdf5 {

/// What a dataset's filters are. Errors: kUnsupported, none of ours.
[[nodiscard]] Result<Compression> compression_of(hid_t dataset);

/// What is made once, and where in the file lies what changes with the frames.
struct PackedHead {
  std::vector<std::byte> image;  ///< Its datasets have no rows, and the file ends with it.
  FrameShape shape;
  Compression compression;
  SegmentPlaces tables;  ///< But for what concerns pixels.
  ArrayPlaces chunks;
  ObjectHeader pixels_header;
  std::vector<ObjectHeader> table_headers;
  std::int64_t end{};
};

/// Of an HDF5 file that the library can open. Errors: kCorrupt, it cannot, or is no segment;
/// kInvalid, finalising it had begun; kUnsupported, not of compressed frames, or laid out by the
/// library otherwise than known.
[[nodiscard]] Result<PackedHead> read_packed_head(FileSystem& files,
                                                  const std::filesystem::path& path);
/// Of the image that such a head had. Errors: as above.
[[nodiscard]] Result<PackedHead> packed_head_of(std::vector<std::byte> image);

/// Opens an image of a file in memory, of which the library makes a copy.
[[nodiscard]] Result<Handle> open_image(std::span<const std::byte> image);

/// Makes a file as it was prepared: metadata, and no chunks. `end` is where the file ends for HDF5.
[[nodiscard]] Result<void> lay_down(FileSystem& files, int fd, const PackedHead& head,
                                    std::int64_t end);

/// How many rows the datasets have. Threads: one at a time.
class PackedRows {
 public:
  PackedRows(FileSystem& files, const PackedHead& head);
  /// Tables first, so that what a reader sees of the frames has its rows. Allocates nothing.
  [[nodiscard]] Result<void> publish(int fd, std::int64_t rows);

 private:
  FileSystem& files_;
  ObjectHeader pixels_;
  std::vector<ObjectHeader> tables_;
};

}  // namespace framelog::hdf5
