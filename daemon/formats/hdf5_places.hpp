#pragma once

#include <hdf5.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Private to the hdf5_*.cpp files of this folder: datasets that can be read without HDF5.
namespace framelog::hdf5 {

/// Where the rows of a dataset (frames, records) lie in its file: each in one piece, unfiltered,
/// in a contiguous dataset or in chunks of whole rows.
class RowPlaces {
 public:
  /// `sizes` are the dataset's, of which the last `inner` make one row, and in chunks at most two
  /// count the rows. `row_bytes` is the size of one. Empty where the rows do not lie like that, so
  /// that only HDF5 can read them.
  [[nodiscard]] static std::optional<RowPlaces> of(hid_t dataset, std::span<const hsize_t> sizes,
                                                   std::size_t inner, std::uint64_t row_bytes,
                                                   std::int64_t file_bytes);
  /// Allocates nothing. Threads: any.
  [[nodiscard]] std::int64_t offset_of(std::uint64_t row) const noexcept;

 private:
  /// Rows are counted over two dimensions, the first of which may be 1.
  struct Grid {
    std::uint64_t columns{};        ///< Rows per step of the first dimension.
    std::uint64_t chunk_rows{};     ///< Extent of a chunk in the first dimension,
    std::uint64_t chunk_columns{};  ///< and in the second.
    std::uint64_t chunks_across{};  ///< Chunks in the second dimension.
    std::uint64_t chunks{};
  };

  [[nodiscard]] bool lay_contiguous(hid_t dataset);
  [[nodiscard]] bool lay_chunks(hid_t dataset, hid_t properties, std::span<const hsize_t> sizes,
                                std::size_t inner);
  [[nodiscard]] bool ask_all(hid_t dataset, std::span<const hsize_t> chunk, std::size_t outer);
  [[nodiscard]] bool ask_some(hid_t dataset, std::span<const hsize_t> chunk, std::size_t outer);
  [[nodiscard]] std::optional<std::int64_t> address(hid_t dataset, std::uint64_t index,
                                                    std::span<const hsize_t> chunk,
                                                    std::size_t outer) const;
  [[nodiscard]] std::int64_t chunk_bytes() const noexcept;

  Grid grid_;
  std::uint64_t row_bytes_{};
  std::int64_t file_bytes_{};
  std::vector<std::int64_t> chunk_offsets_;  // Empty: evenly spaced.
  std::int64_t first_{};
  std::int64_t stride_{};
};

}  // namespace framelog::hdf5
