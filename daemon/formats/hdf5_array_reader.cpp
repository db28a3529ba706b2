#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "core/text.hpp"
#include "formats/hdf5_array_file.hpp"
#include "formats/hdf5_candidates.hpp"
#include "formats/hdf5_dataset.hpp"
#include "formats/hdf5_filters.hpp"

namespace framelog {
namespace {

using namespace hdf5;

/// What is read of a table at once.
constexpr std::size_t kRowsBytes = std::size_t{4} << 20U;

/// Unpacked; 0 where the dataset has no chunks.
std::size_t chunk_bytes_of(const Handle& set, PixelType type, std::size_t dimensions) {
  const Handle properties(H5Dget_create_plist(set.get()));
  const auto chunk = chunk_of(properties.get(), dimensions);
  std::size_t bytes = chunk.empty() ? 0 : size_bytes(type);
  for (const hsize_t side : chunk) bytes *= side;
  return bytes;
}

/// One slice after the other of a dataset, by H5Dread.
class Slices {
 public:
  Slices(Handle set, PixelType type, std::span<const std::uint64_t> shape)
      : set_(std::move(set)),
        type_(type),
        space_(H5Dget_space(set_.get())),
        start_(shape.size()),
        count_(shape.begin(), shape.end()),
        shape_(shape.begin(), shape.end()) {
    for (std::size_t i = 0; i < outer(); ++i) count_[i] = 1;
    memory_ = Handle(H5Screate_simple(static_cast<int>(count_.size()), count_.data(), nullptr));
    std::size_t bytes = size_bytes(type);
    for (const hsize_t side : count_) bytes *= side;
    slice_.resize(bytes);
    chunk_bytes_ = chunk_bytes_of(set_, type, shape.size());
  }

  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t product = 1;
    for (std::size_t i = 0; i < outer(); ++i) product *= shape_[i];
    return product;
  }
  Result<std::span<const std::byte>> next() {
    set_up_library();
    const ExpectedChunk expected(chunk_bytes_);
    if (H5Sselect_hyperslab(space_.get(), H5S_SELECT_SET, start_.data(), nullptr, count_.data(),
                            nullptr) < 0 ||
        H5Dread(set_.get(), type_of(type_), memory_.get(), space_.get(), H5P_DEFAULT,
                slice_.data()) < 0) {
      return fail(ErrorCode::kCorrupt, "HDF5 cannot read back:", last_error());
    }
    for (std::size_t i = outer(); i-- > 0;) {
      if (++start_[i] < shape_[i]) break;
      start_[i] = 0;
    }
    return std::span<const std::byte>(slice_);
  }

 private:
  [[nodiscard]] std::size_t outer() const noexcept {
    return shape_.size() < 2 ? 0 : shape_.size() - 2;
  }

  Handle set_;
  PixelType type_;
  Handle space_;
  Handle memory_;
  std::vector<hsize_t> start_;
  std::vector<hsize_t> count_;
  std::vector<hsize_t> shape_;
  std::vector<std::byte> slice_;
  std::size_t chunk_bytes_{};
};

/// Sizes of an array have 64 bits, those in memory may have 32.
bool slice_fits(PixelType type, std::span<const std::uint64_t> shape) {
  std::uint64_t most = std::numeric_limits<std::ptrdiff_t>::max() / size_bytes(type);
  for (const std::uint64_t side : shape.last(std::min<std::size_t>(shape.size(), 2))) {
    if (side > most) return false;
    if (side > 0) most /= side;
  }
  return true;
}

/// The dataset in an open file, where it is what was written.
Result<Handle> open_expected(hid_t file, const std::string& dataset, PixelType type,
                             std::span<const std::uint64_t> shape) {
  if (!has(file, dataset)) return fail(ErrorCode::kCorrupt, "there is no", dataset);
  Handle set = open_for_frames(file, dataset);
  const Handle stored(set.valid() ? H5Dget_type(set.get()) : -1);
  const auto found = stored.valid()
                         ? stored_type_of(stored.get())
                         : std::expected<StoredType, std::string>(std::unexpected(last_error()));
  if (!found || found->type != type || !std::ranges::equal(dimensions_of(set.get()), shape)) {
    return fail(ErrorCode::kCorrupt, "not of the type and shape that was written:", dataset);
  }
  return set;
}

}  // namespace

Result<void> read_hdf5_slices(
    const std::filesystem::path& path, const std::string& dataset, PixelType type,
    std::span<const std::uint64_t> shape,
    const std::function<Result<void>(std::uint64_t, std::span<const std::byte>)>& take) {
  auto file = open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  auto set = open_expected(file->get(), dataset, type, shape);
  if (!set) return std::unexpected(set.error());
  if (!slice_fits(type, shape)) {
    return fail(ErrorCode::kNoMemory, "a slice is larger than memory can be:", dataset);
  }
  Slices slices(std::move(*set), type, shape);
  const std::uint64_t count = slices.count();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto slice = slices.next();
    if (!slice) return std::unexpected(slice.error());
    if (auto taken = take(i, *slice); !taken) return taken;
  }
  return {};
}

Result<void> read_hdf5_rows(
    const std::filesystem::path& path, const std::string& dataset, PixelType type,
    std::uint64_t rows, std::uint32_t columns,
    const std::function<Result<void>(std::uint64_t, std::span<const std::byte>)>& take) {
  set_up_library();
  auto file = open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  const std::array<std::uint64_t, 2> shape{rows, columns};
  auto set = open_expected(file->get(), dataset, type, shape);
  if (!set) return std::unexpected(set.error());
  const std::size_t row_bytes = size_bytes(type) * columns;
  const Handle space(H5Dget_space(set->get()));
  const ExpectedChunk expected(chunk_bytes_of(*set, type, shape.size()));
  std::vector<std::byte> block;
  for (std::uint64_t first = 0; first < rows;) {
    const std::array<hsize_t, 2> start{first, 0};
    const std::array<hsize_t, 2> count{
        std::min<hsize_t>(rows - first, std::max<hsize_t>(1, kRowsBytes / row_bytes)), columns};
    block.resize(count[0] * row_bytes);
    const Handle memory(H5Screate_simple(2, count.data(), nullptr));
    if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(),
                            nullptr) < 0 ||
        H5Dread(set->get(), type_of(type), memory.get(), space.get(), H5P_DEFAULT, block.data()) <
            0) {
      return fail(ErrorCode::kCorrupt, "HDF5 cannot read back:", last_error());
    }
    for (std::uint64_t i = 0; i < count[0]; ++i, ++first) {
      auto taken = take(first, std::span(block).subspan(i * row_bytes, row_bytes));
      if (!taken) return taken;
    }
  }
  return {};
}

}  // namespace framelog
