#include <algorithm>
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
    const Handle properties(H5Dget_create_plist(set_.get()));
    const auto chunk = chunk_of(properties.get(), shape.size());
    if (chunk.empty()) return;
    chunk_bytes_ = size_bytes(type);
    for (const hsize_t side : chunk) chunk_bytes_ *= side;
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

}  // namespace

Result<void> read_hdf5_slices(
    const std::filesystem::path& path, const std::string& dataset, PixelType type,
    std::span<const std::uint64_t> shape,
    const std::function<Result<void>(std::uint64_t, std::span<const std::byte>)>& take) {
  auto file = open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  if (!has(file->get(), dataset)) return fail(ErrorCode::kCorrupt, "there is no", dataset);
  Handle set = open_for_frames(file->get(), dataset);
  const Handle stored(set.valid() ? H5Dget_type(set.get()) : -1);
  const auto found = stored.valid()
                         ? stored_type_of(stored.get())
                         : std::expected<StoredType, std::string>(std::unexpected(last_error()));
  if (!found || found->type != type || !std::ranges::equal(dimensions_of(set.get()), shape)) {
    return fail(ErrorCode::kCorrupt, "not of the type and shape that was written:", dataset);
  }
  if (!slice_fits(type, shape)) {
    return fail(ErrorCode::kNoMemory, "a slice is larger than memory can be:", dataset);
  }
  Slices slices(std::move(set), type, shape);
  const std::uint64_t count = slices.count();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto slice = slices.next();
    if (!slice) return std::unexpected(slice.error());
    if (auto taken = take(i, *slice); !taken) return taken;
  }
  return {};
}

}  // namespace framelog
