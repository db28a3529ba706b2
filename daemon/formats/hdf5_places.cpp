#include "formats/hdf5_places.hpp"

#include <algorithm>
#include <array>

#include "formats/hdf5_tree.hpp"

namespace framelog::hdf5 {
namespace {

// HDF5 1.10 goes through all chunks to tell where one is: asking for all of a thousand takes 60 ms,
// of ten thousand 6 s.
constexpr std::uint64_t kMostAsked = 1024;
constexpr std::uint64_t kSamples = 16;

bool is_plain(hid_t properties) {
  if (H5Pget_nfilters(properties) != 0 || H5Pget_external_count(properties) != 0) return false;
  const H5D_layout_t layout = H5Pget_layout(properties);
  return layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED;
}

/// Addresses of chunks do not count a user block in front of the file, as MATLAB writes one.
bool has_user_block(hid_t dataset) {
  const Handle file(H5Iget_file_id(dataset));
  const Handle properties(file.valid() ? H5Fget_create_plist(file.get()) : -1);
  hsize_t bytes = 0;
  return !properties.valid() || H5Pget_userblock(properties.get(), &bytes) < 0 || bytes != 0;
}

}  // namespace

std::optional<RowPlaces> RowPlaces::of(hid_t dataset, std::span<const hsize_t> sizes,
                                       std::size_t inner, std::uint64_t row_bytes,
                                       std::int64_t file_bytes) {
  const std::size_t outer = sizes.size() - inner;
  const Handle properties(H5Dget_create_plist(dataset));
  if (!properties.valid() || !is_plain(properties.get())) return std::nullopt;
  const bool contiguous = H5Pget_layout(properties.get()) == H5D_CONTIGUOUS;
  if (outer > 2 && !contiguous) return std::nullopt;
  // Whatever counts them: rows that lie one behind the other.
  std::uint64_t rows = 1;
  for (std::size_t i = 0; i + 1 < outer; ++i) {
    if (__builtin_mul_overflow(rows, sizes[i], &rows)) return std::nullopt;
  }
  const std::uint64_t columns = outer == 0 ? 1 : sizes[outer - 1];
  // A plain dataset is not larger than its file; what claims to be is left to HDF5.
  const double bytes =
      static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(row_bytes);
  if (bytes > static_cast<double>(file_bytes)) return std::nullopt;
  RowPlaces places;
  places.row_bytes_ = row_bytes;
  places.file_bytes_ = file_bytes;
  places.grid_ = {columns, rows, columns, 1, 1};
  const bool laid = contiguous ? places.lay_contiguous(dataset)
                               : places.lay_chunks(dataset, properties.get(), sizes, inner);
  if (!laid) return std::nullopt;
  return places;
}

bool RowPlaces::lay_contiguous(hid_t dataset) {
  const haddr_t address = H5Dget_offset(dataset);
  if (address == HADDR_UNDEF || address > static_cast<haddr_t>(file_bytes_)) return false;
  first_ = static_cast<std::int64_t>(address);
  return chunk_bytes() <= file_bytes_ - first_;
}

bool RowPlaces::lay_chunks(hid_t dataset, hid_t properties, std::span<const hsize_t> sizes,
                           std::size_t inner) {
  std::array<hsize_t, 4> all{};
  const int rank = H5Pget_chunk(properties, static_cast<int>(all.size()), all.data());
  if (rank < 0 || static_cast<std::size_t>(rank) != sizes.size() || has_user_block(dataset)) {
    return false;
  }
  const std::span<const hsize_t> chunk(all.data(), sizes.size());
  if (!std::ranges::equal(chunk.last(inner), sizes.last(inner))) return false;
  const std::size_t outer = sizes.size() - inner;
  const std::uint64_t rows = grid_.chunk_rows;
  grid_.chunk_rows = outer == 2 ? chunk[0] : 1;
  grid_.chunk_columns = outer == 0 ? 1 : chunk[outer - 1];
  grid_.chunks_across = (grid_.columns + grid_.chunk_columns - 1) / grid_.chunk_columns;
  grid_.chunks = (rows + grid_.chunk_rows - 1) / grid_.chunk_rows * grid_.chunks_across;
  return grid_.chunks <= kMostAsked ? ask_all(dataset, chunk, outer)
                                    : ask_some(dataset, chunk, outer);
}

bool RowPlaces::ask_all(hid_t dataset, std::span<const hsize_t> chunk, std::size_t outer) {
  for (std::uint64_t i = 0; i < grid_.chunks; ++i) {
    const auto at = address(dataset, i, chunk, outer);
    if (!at) return false;
    chunk_offsets_.push_back(*at);
  }
  return true;
}

// Only a dataset whose chunks were all allocated when it was created has them in sequence for sure;
// that they are evenly spaced is seen from some.
bool RowPlaces::ask_some(hid_t dataset, std::span<const hsize_t> chunk, std::size_t outer) {
  const Handle properties(H5Dget_create_plist(dataset));
  H5D_alloc_time_t time{};
  if (H5Pget_alloc_time(properties.get(), &time) < 0 || time != H5D_ALLOC_TIME_EARLY) return false;
  const auto first = address(dataset, 0, chunk, outer);
  const auto second = address(dataset, 1, chunk, outer);
  if (!first || !second || *second - *first < chunk_bytes()) return false;
  first_ = *first;
  stride_ = *second - *first;
  for (std::uint64_t i = 1; i <= kSamples; ++i) {
    const std::uint64_t index = (grid_.chunks - 1) / kSamples * i + (grid_.chunks - 1) % kSamples;
    const auto at = address(dataset, index, chunk, outer);
    if (!at || *at != first_ + static_cast<std::int64_t>(index) * stride_) return false;
  }
  return true;
}

std::optional<std::int64_t> RowPlaces::address(hid_t dataset, std::uint64_t index,
                                               std::span<const hsize_t> chunk,
                                               std::size_t outer) const {
  std::array<hsize_t, 4> at{};
  if (outer == 2) at[0] = index / grid_.chunks_across * chunk[0];
  if (outer > 0) at[outer - 1] = index % grid_.chunks_across * chunk[outer - 1];
  unsigned filters = 0;
  haddr_t found = HADDR_UNDEF;
  hsize_t bytes = 0;
  if (H5Dget_chunk_info_by_coord(dataset, at.data(), &filters, &found, &bytes) < 0 ||
      found == HADDR_UNDEF || found > static_cast<haddr_t>(file_bytes_)) {
    return std::nullopt;
  }
  const auto offset = static_cast<std::int64_t>(found);
  if (chunk_bytes() > file_bytes_ - offset) return std::nullopt;
  return offset;
}

std::int64_t RowPlaces::chunk_bytes() const noexcept {
  return static_cast<std::int64_t>(grid_.chunk_rows * grid_.chunk_columns * row_bytes_);
}

std::int64_t RowPlaces::offset_of(std::uint64_t row) const noexcept {
  const std::uint64_t y = row / grid_.columns;
  const std::uint64_t x = row % grid_.columns;
  const std::uint64_t chunk = y / grid_.chunk_rows * grid_.chunks_across + x / grid_.chunk_columns;
  const std::uint64_t inside = y % grid_.chunk_rows * grid_.chunk_columns + x % grid_.chunk_columns;
  const std::int64_t start = chunk_offsets_.empty()
                                 ? first_ + static_cast<std::int64_t>(chunk) * stride_
                                 : chunk_offsets_[chunk];
  return start + static_cast<std::int64_t>(inside * row_bytes_);
}

}  // namespace framelog::hdf5
