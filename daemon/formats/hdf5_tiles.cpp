#include "formats/hdf5_tiles.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "formats/hdf5_dataset.hpp"
#include "formats/hdf5_tree.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::size_t kMostKeptBytes = std::size_t{64} << 20U;

/// Bytes of a chunk; none where they are too many.
std::optional<std::size_t> bytes_of(std::span<const hsize_t> chunk, std::size_t pixel_bytes) {
  std::size_t bytes = pixel_bytes;
  for (const hsize_t extent : chunk) {
    if (extent == 0 || bytes == 0 || extent > FrameTiles::kLargestChunkBytes / bytes)
      return std::nullopt;
    bytes *= static_cast<std::size_t>(extent);
  }
  return bytes;
}

}  // namespace

FrameTiles::FrameTiles(ChunkDecoder decoder, std::span<const hsize_t> sizes,
                       std::vector<hsize_t> chunk, std::size_t pixel_bytes)
    : decoder_(std::move(decoder)),
      sizes_(sizes.begin(), sizes.end()),
      chunk_(std::move(chunk)),
      pixel_bytes_(pixel_bytes),
      chunk_bytes_(bytes_of(chunk_, pixel_bytes).value_or(0)),
      most_kept_(1) {
  // Those that the frames along all dimensions but the first one are in, as long as they find room.
  std::size_t wanted = 1;
  const std::size_t room = std::max<std::size_t>(1, kMostKeptBytes / chunk_bytes_);
  for (std::size_t i = sizes_.size() == 2 ? 0 : 1; i < sizes_.size(); ++i) {
    const hsize_t across = (sizes_[i] + chunk_[i] - 1) / chunk_[i];
    wanted = across > room / wanted ? room : wanted * static_cast<std::size_t>(across);
  }
  most_kept_ = wanted;
}

std::optional<FrameTiles> FrameTiles::of(hid_t dataset, std::span<const hsize_t> sizes) {
  const Handle properties(H5Dget_create_plist(dataset));
  const Handle type(H5Dget_type(dataset));
  auto chunk = chunk_of(properties.get(), sizes.size());
  unsigned options = 0;  // That the chunk at the end is not packed.
  if (chunk.empty() || H5Pget_nfilters(properties.get()) <= 0 ||
      H5Pget_chunk_opts(properties.get(), &options) < 0 || options != 0) {
    return std::nullopt;
  }
  const std::size_t pixel_bytes = H5Tget_size(type.get());
  auto decoder = ChunkDecoder::of(dataset);
  if (!decoder || !bytes_of(chunk, pixel_bytes)) return std::nullopt;
  return FrameTiles(std::move(*decoder), sizes, std::move(chunk), pixel_bytes);
}

Result<std::span<const std::byte>> FrameTiles::unpacked(hid_t dataset, const Place& corner) {
  if (const auto known = kept_.find(corner); known != kept_.end()) return known->second;
  hsize_t bytes = 0;
  std::uint32_t skipped = 0;
  // No filter makes more of a chunk than three times as much.
  if (H5Dget_chunk_storage_size(dataset, corner.data(), &bytes) < 0 || bytes == 0 ||
      bytes > 3 * chunk_bytes_ + 4096) {
    return fail(ErrorCode::kCorrupt, "HDF5 cannot find a part of a frame");
  }
  packed_.resize(static_cast<std::size_t>(bytes));
  if (H5Dread_chunk(dataset, H5P_DEFAULT, corner.data(), &skipped, packed_.data()) < 0) {
    return fail(ErrorCode::kCorrupt, "HDF5 cannot read a part of a frame");
  }
  // Frames are read in turn mostly: those in front are not needed again.
  while (kept_.size() >= most_kept_) kept_.erase(kept_.begin());
  std::vector<std::byte> chunk(chunk_bytes_);
  if (!decoder_.decode(skipped, packed_, chunk)) {
    return fail(ErrorCode::kCorrupt, "the packed bytes of a frame are damaged");
  }
  return kept_.insert_or_assign(corner, std::move(chunk)).first->second;
}

void FrameTiles::copy(std::span<const hsize_t> start, const Place& corner,
                      std::span<const std::byte> chunk, std::span<std::byte> pixels) const {
  const std::size_t rank = sizes_.size();
  hsize_t plane = 0;  // Which of the chunk's is the frame's.
  for (std::size_t i = 0; i + 2 < rank; ++i) plane = plane * chunk_[i] + start[i] - corner[i];
  const hsize_t rows = std::min(chunk_[rank - 2], sizes_[rank - 2] - corner[rank - 2]);
  const hsize_t columns = std::min(chunk_[rank - 1], sizes_[rank - 1] - corner[rank - 1]);
  for (hsize_t row = 0; row < rows; ++row) {
    const hsize_t from = (plane * chunk_[rank - 2] + row) * chunk_[rank - 1];
    const hsize_t into = (corner[rank - 2] + row) * sizes_[rank - 1] + corner[rank - 1];
    std::ranges::copy(chunk.subspan(static_cast<std::size_t>(from) * pixel_bytes_,
                                    static_cast<std::size_t>(columns) * pixel_bytes_),
                      pixels.begin() + static_cast<std::ptrdiff_t>(into * pixel_bytes_));
  }
}

Result<void> FrameTiles::read(hid_t dataset, std::span<const hsize_t> start,
                              std::span<std::byte> pixels) {
  const std::size_t rank = sizes_.size();
  try {
    Place corner(start.begin(), start.end());
    for (std::size_t i = 0; i + 2 < rank; ++i) corner[i] -= corner[i] % chunk_[i];
    for (hsize_t y = 0; y < sizes_[rank - 2]; y += chunk_[rank - 2]) {
      for (hsize_t x = 0; x < sizes_[rank - 1]; x += chunk_[rank - 1]) {
        corner[rank - 2] = y;
        corner[rank - 1] = x;
        const auto chunk = unpacked(dataset, corner);
        if (!chunk) return std::unexpected(chunk.error());
        copy(start, corner, *chunk, pixels);
      }
    }
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNoMemory, "no memory for a chunk");
  }
  return {};
}

}  // namespace framelog::hdf5
