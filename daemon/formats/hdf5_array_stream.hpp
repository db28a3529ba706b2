#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "formats/byte_stream.hpp"
#include "formats/hdf5_array_file.hpp"
#include "formats/hdf5_tree.hpp"

/// Private to the hdf5_*.cpp files of this folder: where the elements of one array go.
namespace framelog::hdf5 {

class ArrayStream {
 public:
  virtual ~ArrayStream() = default;
  [[nodiscard]] virtual Result<void> append(std::span<const std::byte> bytes) = 0;
  /// Errors: kInvalid, elements are missing.
  [[nodiscard]] virtual Result<void> finish() = 0;
};

/// Of `bytes` in all, in one piece from `offset` on, past the library.
[[nodiscard]] std::unique_ptr<ArrayStream> make_plain_stream(FileSystem& files, int fd,
                                                             std::int64_t offset,
                                                             std::uint64_t bytes,
                                                             std::size_t swapped_bytes);
/// In chunks, packed or not, by the library.
[[nodiscard]] std::unique_ptr<ArrayStream> make_chunk_stream(Handle set, const Hdf5ArraySpec& spec);

/// Extents of the chunks that a specification means; empty: none.
[[nodiscard]] std::vector<hsize_t> chunk_of(const Hdf5ArraySpec& spec);
/// As they lie in the file.
[[nodiscard]] Handle file_type_of(PixelType type, bool big_endian);

}  // namespace framelog::hdf5
